import type { Principal, SessionInfo } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createMovingServer, createV1, MovingStage } from "../kit/cluster/moving-server.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterClusterOptions, RouterNode } from "../kit/cluster/routers.js";
import { asCaller, converse } from "../kit/conversation.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import type { Json, RawStream } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, StreamableConversation, textOf } from "../kit/streamable.js";
import { signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const NODE_LOST = { code: -32_000, data: { reason: "node_lost" } };

async function serveDraining(options: RouterClusterOptions = {}) {
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    createServer: (session) => createMovingServer("v1", session, stage),
    ...options,
  });
  const [a, b] = nodes;
  return { stage, a, b, facts: new Facts(a.router.sessions) };
}

const elsewhere = ({ sessionId, headers }: StreamableConversation, node: RouterNode) =>
  new StreamableConversation(node.mcpUrl, sessionId, headers);

/** The same, with a server that can be made to say something without being asked. */
async function serveSpeaking(options: RouterClusterOptions = {}) {
  const stage = new MovingStage();
  const servers: ReturnType<typeof createV1>[] = [];
  const createServer = (session: SessionInfo<Principal>) => {
    const mcp = createV1(session, stage);
    servers.push(mcp);
    return mcp;
  };
  const { nodes } = await serveCluster({ createServer, ...options });
  const say = (data: string): void => {
    const params = { level: "error", data } as const;
    void servers[0]!.server.notification({ method: "notifications/message", params });
  };
  return { a: nodes[0], b: nodes[1], say };
}

/** The numbers of the notifications among the events of a stream, up to an answer. */
async function numbersUpTo(stream: RawStream, id: number): Promise<string[]> {
  const numbers: string[] = [];
  for (;;) {
    const message = await stream.nextMessage();
    if (message["id"] === id) return numbers;
    if (message["method"] === "notifications/message")
      numbers.push(message["params"].data as string);
  }
}

it("CLUSTER-48: a node that is closed, and still asked, refuses at once", async () => {
  const { a, b } = await serveDraining({ settings: { relayTimeoutMs: 60_000 } });
  const alice = await begin(a.mcpUrl);
  await a.router.close({ timeoutMs: 60_000 });
  const { status, text } = await alice.post(toolCall(1, "whoami", {}));
  expect([status, text]).toEqual([503, expect.stringContaining("shutting down")]);
  expect((await elsewhere(alice, b).post(toolCall(2, "whoami", {}))).status).toBe(200);
});

it("CLUSTER-48, FACT-61: idle sessions leave a node that is closed at once, and their streams end with a time to come back", async () => {
  const { a, b, facts, stage } = await serveDraining();
  const alice = await converse(a.sseUrl);
  const bob = await begin(a.mcpUrl, asCaller({ sub: "bob" }));
  const listening = await bob.listen();
  await alice.call("note", { value: "kept" });
  await a.router.close({ timeoutMs: 60_000 });
  await Promise.all([alice.stream.ended, listening.ended]);
  for (const { bytes } of [alice.stream, listening]) expect(bytes).toMatch(/retry: \d+\n\n$/);
  expect(await facts.reasonOf(alice.sessionId)).toBe("moved");
  expect(await facts.reasonOf(bob.sessionId)).toBe("moved");
  // Their servers were closed.
  expect(stage.closed).toBe(2);
  expect(JSON.parse(await elsewhere(bob, b).call("about"))).toMatchObject({ isMoved: true });
  const postUrl = alice.postUrl.replace(a.url, b.url);
  expect((await post(postUrl, toolCall(50, "about"), alice.headers)).status).toBe(202);
  // What was agreed on with another node's server is known.
  for (const { sessionId } of [alice, bob]) {
    expect(b.router.sessions.get(sessionId)?.protocolVersion).toMatch(/^20\d\d-\d\d-\d\d$/);
  }
  const back = await openStream(b.sseUrl, {
    ...alice.headers,
    "last-event-id": `${alice.sessionId}:2`,
  });
  expect((await back.nextEvent()).data).toBe(
    `${new URL(postUrl).pathname}?sessionId=${alice.sessionId}&r=1`,
  );
  const seen = JSON.parse(textOf(await back.answerTo(50)));
  expect(seen).toMatchObject({ isMoved: true, memo: { value: "kept" } });
});

it("CLUSTER-48: what the client is not known to have goes along, with the numbers that it has", async () => {
  const { a, b } = await serveDraining();
  const alice = await converse(a.sseUrl);
  alice.stream.close();
  await until(() => a.router.sessions.get(alice.sessionId)?.state === "detached");
  expect(
    (await post(alice.postUrl, toolCall(7, "count", { from: 1, to: 5 }), alice.headers)).status,
  ).toBe(202);
  await until(() => a.router.sessions.get(alice.sessionId)?.inFlight === 0);
  await a.router.close({ timeoutMs: 60_000 });
  const postUrl = alice.postUrl.replace(a.url, b.url);
  await post(postUrl, toolCall(8, "count", { from: 6, to: 9 }), alice.headers);
  const back = await openStream(b.sseUrl, {
    ...alice.headers,
    "last-event-id": `${alice.sessionId}:1`,
  });
  await back.nextEvent();
  const events = [];
  for (let n = 0; n < 11; n++) events.push(await back.nextEvent());
  expect(events.map(({ id }) => Number(id!.split(":")[1]))).toEqual([
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]);
  const messages = events.map(({ data }): Json => JSON.parse(data));
  const numbers = messages.flatMap(({ params }) =>
    params === undefined ? [] : [Number(params.data)],
  );
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(
    messages.filter(({ result }) => result !== undefined).map(({ id }): unknown => id),
  ).toEqual([7, 8]);
});

it("CLUSTER-48: a session with a call leaves when that is answered, and calls that come meanwhile are taken", async () => {
  const { a, b, stage, facts } = await serveDraining();
  const held = signal();
  const release = signal();
  stage.onHeld = held.resolve;
  stage.letGo = release.promise;
  const alice = await converse(a.sseUrl);
  const call = alice.call("held");
  await held.promise;
  const closed = a.router.close({ timeoutMs: 60_000 });
  // New sessions are for others.
  expect((await openStream(a.sseUrl, asCaller())).status).toBe(503);
  const told = alice.stream.answerTo(40);
  await post(alice.postUrl, toolCall(40, "about"), alice.headers);
  expect(JSON.parse(textOf(await told))).toMatchObject({ isMoved: false });
  release.resolve();
  expect(await call).toBe("released");
  await closed;
  expect(await facts.reasonOf(alice.sessionId)).toBe("moved");
  const postUrl = alice.postUrl.replace(a.url, b.url);
  expect((await post(postUrl, toolCall(50, "about"), alice.headers)).status).toBe(202);
});

it("CLUSTER-48: a node that is closed first hands on the answers of others that it waits for", async () => {
  const { a, b, stage } = await serveDraining();
  const held = signal();
  const release = signal();
  stage.onHeld = held.resolve;
  stage.letGo = release.promise;
  const alice = await begin(b.mcpUrl);
  const call = elsewhere(alice, a).call("held");
  await held.promise;
  const closed = a.router.close({ timeoutMs: 60_000 });
  await turn();
  release.resolve();
  expect(await call).toBe("released");
  await closed;
  expect(JSON.parse(await alice.call("about"))).toMatchObject({ isMoved: false });
});

it("CLUSTER-49: a call that does not end in time is answered with an error at the next node", async () => {
  const { a, b, stage } = await serveDraining({ streamable: { sseAfterMs: 0 } });
  const held = [signal(), signal()];
  let count = 0;
  stage.onHeld = () => held[count++]!.resolve();
  stage.letGo = signal().promise;
  const alice = await converse(a.sseUrl);
  await post(alice.postUrl, toolCall(21, "held"), alice.headers);
  const bob = await begin(a.mcpUrl, asCaller({ sub: "bob" }));
  const call = await bob.stream(toolCall(31, "held"));
  const priming = await call.nextEvent();
  await Promise.all(held.map(({ promise }) => promise));
  await a.router.close({ timeoutMs: 0 });
  await Promise.all([alice.stream.ended, call.ended]);
  const postUrl = alice.postUrl.replace(a.url, b.url);
  await post(postUrl, toolCall(22, "about"), alice.headers);
  const back = await openStream(b.sseUrl, {
    ...alice.headers,
    "last-event-id": `${alice.sessionId}:1`,
  });
  await back.nextEvent();
  const [lost, next] = [await back.nextMessage(), await back.nextMessage()];
  expect(lost).toMatchObject({ id: 21, error: NODE_LOST });
  expect(next["id"]).toBe(22);
  const rest = await elsewhere(bob, b).listen(priming.id);
  await rest.nextEvent();
  expect(await rest.nextMessage()).toMatchObject({ id: 31, error: NODE_LOST });
  await rest.ended;
});

it("CLUSTER-48: the rest of a call that is finished is had at the next node, and what waits for a listener", async () => {
  const { a, b, say } = await serveSpeaking({ streamable: { sseAfterMs: 0 } });
  const alice = await begin(a.mcpUrl);
  const standing = await alice.listen();
  const { id: last } = await standing.nextEvent();
  standing.close();
  const call = await alice.stream(toolCall(7, "count", { from: 1, to: 3 }));
  const priming = await call.nextEvent();
  await call.ended;
  say("4");
  await a.router.close({ timeoutMs: 60_000 });
  const there = elsewhere(alice, b);
  const rest = await there.listen(priming.id);
  await rest.nextEvent();
  expect(await numbersUpTo(rest, 7)).toEqual(["1", "2", "3"]);
  await rest.ended;
  const back = await there.listen(last);
  await back.nextEvent();
  expect((await back.nextMessage())["params"].data).toBe("4");
});

it("CLUSTER-48: what a server sends while its session leaves is not lost", async () => {
  const { a, b, say } = await serveSpeaking();
  const alice = await converse(a.sseUrl);
  let sent = 0;
  let isOpen = true;
  const { id } = a.router.sessions.list()[0]!;
  const speaking = (async () => {
    while (isOpen) {
      await new Promise((resolve) => setImmediate(resolve));
      isOpen = a.router.sessions.get(id) !== undefined;
      if (isOpen) say(String(++sent));
    }
  })();
  await until(() => sent > 20);
  await a.router.close({ timeoutMs: 60_000 });
  await speaking;
  await alice.stream.ended;
  const heard = [...alice.stream.bytes.matchAll(/"data":"(\d+)"/g)].map(([, n]) => Number(n));
  const postUrl = alice.postUrl.replace(a.url, b.url);
  await post(postUrl, toolCall(50, "about"), alice.headers);
  const lastId = [...alice.stream.bytes.matchAll(/^id: (.*)$/gm)].at(-1)![1]!;
  const back = await openStream(b.sseUrl, { ...alice.headers, "last-event-id": lastId });
  await back.nextEvent();
  const rest = (await numbersUpTo(back, 50)).map(Number);
  expect([...heard, ...rest]).toEqual(Array.from({ length: sent }, (_, n) => n + 1));
});
