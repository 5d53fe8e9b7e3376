import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createMovingServer, createV1, MovingStage } from "../kit/cluster/moving-server.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterClusterOptions, RouterNode } from "../kit/cluster/routers.js";
import { asCaller, converse } from "../kit/conversation.js";
import type { Conversation } from "../kit/conversation.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import type { Json, RawEvent, RawStream } from "../kit/raw-sse.js";
import { begin, postMessage, StreamableConversation, textOf } from "../kit/streamable.js";
import { signal } from "../kit/waiting.js";
import type { Major } from "../kit/wires.js";

cleanUpAfterEach();

const NODE_LOST = { code: -32_000, data: { reason: "node_lost" } };

async function serveMoving(major: Major = "v1", options: RouterClusterOptions = {}) {
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    createServer: (session) => createMovingServer(major, session, stage),
    ...options,
  });
  return { stage, nodes, a: nodes[0], b: nodes[1] };
}

/** A client of a session of HTTP+SSE that goes to another node. */
class Away {
  #id = 1_000;
  readonly headers: Record<string, string>;
  readonly postUrl: string;

  constructor(
    readonly conversation: Conversation,
    from: RouterNode,
    readonly node: RouterNode,
  ) {
    this.headers = conversation.headers;
    this.postUrl = conversation.postUrl.replace(from.url, node.url);
  }

  post(message: object) {
    return post(this.postUrl, message, this.headers);
  }

  /** Opens the stream again. @param last the id of the last event that it has. */
  async listen(last: string) {
    const stream = await openStream(this.node.sseUrl, { ...this.headers, "last-event-id": last });
    const endpoint = await stream.nextEvent();
    return { stream, endpoint };
  }

  next(): number {
    return ++this.#id;
  }
}

/** The number behind the session in an event's id. */
const seqOf = (id: string | undefined): number => Number(id?.split(":")[1]);

/** Calls before this one had their answers, and nobody knew that their client has them: it is told twice. */
const FIRST_OPEN = 20;

/** The next message that is no news of a call which was answered before. */
async function nextNew(stream: RawStream): Promise<Json> {
  for (;;) {
    const message = await stream.nextMessage();
    if (message["error"] === undefined || message["id"] >= FIRST_OPEN) return message;
    expect(message["error"]).toMatchObject(NODE_LOST);
  }
}

const elsewhere = ({ sessionId, headers }: StreamableConversation, node: RouterNode) =>
  new StreamableConversation(node.mcpUrl, sessionId, headers);

const about = async (conversation: StreamableConversation): Promise<Json> =>
  JSON.parse(await conversation.call("about"));

it("CLUSTER-40: both spellings of a mount are one, also where its session has moved", async () => {
  const urls: unknown[] = [];
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    createServer: (session) => {
      urls.push((session.request as { originalUrl?: string }).originalUrl);
      return createMovingServer("v1", session, stage);
    },
  });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.kill();
  for (const url of [`${b.mcpUrl}/`, b.mcpUrl]) {
    const there = new StreamableConversation(url, alice.sessionId, alice.headers);
    expect(await about(there)).toMatchObject({ isMoved: true, url: "/" });
  }
  expect(urls).toEqual(["/mcp", "/mcp"]);
});

describe.each<Major>(["v1", "v2"])("with servers of SDK %s", (major) => {
  it("CLUSTER-40: a session of Streamable HTTP goes on after its node was killed, as far as it was", async () => {
    const { a, b, stage } = await serveMoving(major);
    const alice = await begin(a.mcpUrl);
    await alice.post({
      jsonrpc: "2.0",
      id: 2,
      method: "logging/setLevel",
      params: { level: "error" },
    });
    for (const uri of ["test://one", "test://two"]) {
      await alice.post({ jsonrpc: "2.0", id: 3, method: "resources/subscribe", params: { uri } });
    }
    await alice.post({
      jsonrpc: "2.0",
      id: 4,
      method: "resources/unsubscribe",
      params: { uri: "test://one" },
    });
    await alice.call("note", { value: "kept" });
    await a.kill();
    const there = elsewhere(alice, b);
    const seen = await about(there);
    expect(seen).toMatchObject({
      isMoved: true,
      isRestored: false,
      memo: { value: "kept" },
      client: "raw",
    });
    expect(stage.initialized).toBe(2);
    const said = await there.stream(toolCall(9, "say"));
    await said.nextEvent();
    const messages = [await said.nextMessage(), await said.nextMessage()];
    expect(messages[0]!["params"].data).toBe("said loudly");
    expect(messages[1]!["id"]).toBe(9);
    const touched = await there.stream(toolCall(10, "touch"));
    await touched.nextEvent();
    expect((await touched.nextMessage())["params"].uri).toBe("test://two");
    // Another revision is none of the session's.
    const other = await there.post(toolCall(11, "about"), { "mcp-protocol-version": "1999-01-01" });
    expect(other.status).toBe(400);
  });

  it("CLUSTER-40: a session of HTTP+SSE goes on after its node was killed, for a POST and then its stream", async () => {
    const { a, b } = await serveMoving(major);
    const alice = await converse(a.sseUrl);
    await alice.call("note", { value: "kept" });
    await a.kill();
    await alice.stream.ended;
    const there = new Away(alice, a, b);
    expect((await there.post(toolCall(50, "about"))).status).toBe(202);
    const { stream, endpoint } = await there.listen(`${alice.sessionId}:3`);
    // A client that waits until the endpoint changes has to see another.
    expect(endpoint.data).toMatch(new RegExp(`sessionId=${alice.sessionId}&r=\\d+$`));
    const answer = await nextNew(stream);
    expect(answer.id).toBe(50);
    const seen = JSON.parse(textOf(answer));
    expect(seen).toMatchObject({ isMoved: true, memo: { value: "kept" }, client: "raw" });
    // What its server was made for is what was asked for when it was opened.
    expect(seen.url).toBe("/sse");
  });
});

it("CLUSTER-41: positions of an older life acknowledge nothing, and nothing is missing for them", async () => {
  const { a, b } = await serveMoving();
  const alice = await converse(a.sseUrl);
  for (let n = 0; n < 3; n++) await alice.call("about");
  await a.kill();
  const there = new Away(alice, a, b);
  await there.post(toolCall(50, "count", { from: 1, to: 3 }));
  const first = await there.listen(`${alice.sessionId}:4`);
  const events: RawEvent[] = [];
  for (let id: unknown; id !== 50; id = JSON.parse(events.at(-1)!.data).id) {
    events.push(await first.stream.nextEvent());
  }
  const messages = events.map(({ data }): Json => JSON.parse(data));
  expect(messages.flatMap(({ params }) => (params?.data as string | undefined) ?? [])).toEqual([
    "1",
    "2",
    "3",
  ]);
  // Behind all that the node before can have given out, and without a gap.
  expect(events.map(({ id }) => seqOf(id))).toEqual(events.map((_event, n) => 2 ** 32 + n + 1));
  first.stream.close();
  // It has forgotten what it had in this life: all that is not acknowledged is sent again.
  const again = await there.listen(`${alice.sessionId}:4`);
  expect(seqOf((await again.stream.nextEvent()).id)).toBe(2 ** 32 + 1);
});

it("CLUSTER-42: calls that were lost with a node are answered with an error on the session's stream, in order", async () => {
  const { a, b, stage } = await serveMoving();
  const held = [signal(), signal()];
  let count = 0;
  stage.onHeld = () => held[count++]!.resolve();
  stage.letGo = signal().promise;
  const alice = await converse(a.sseUrl);
  for (const id of [21, 22]) await post(alice.postUrl, toolCall(id, "held"), alice.headers);
  await Promise.all(held.map(({ promise }) => promise));
  await a.kill();
  const there = new Away(alice, a, b);
  await there.post(toolCall(23, "about"));
  const { stream } = await there.listen(`${alice.sessionId}:1`);
  const messages: Json[] = [];
  for (let n = 0; n < 3; n++) messages.push(await nextNew(stream));
  expect(messages.map(({ id }): unknown => id)).toEqual([21, 22, 23]);
  expect(messages[0]!.error).toMatchObject(NODE_LOST);
  expect(messages[1]!.error).toMatchObject(NODE_LOST);
  expect(messages[2]!.result).toBeDefined();
});

it("CLUSTER-43: a client that comes back for the answer to a lost call gets its error at once, and the stream ends", async () => {
  const { a, b, stage } = await serveMoving("v1", { streamable: { sseAfterMs: 0 } });
  const held = signal();
  stage.onHeld = held.resolve;
  stage.letGo = signal().promise;
  const alice = await begin(a.mcpUrl);
  const listening = await alice.listen();
  const standing = (await listening.nextEvent()).id!;
  const call = await alice.stream(toolCall(31, "held"));
  const priming = await call.nextEvent();
  await held.promise;
  await a.kill();
  const there = elsewhere(alice, b);
  const rest = await there.listen(priming.id);
  await rest.nextEvent();
  const answer = await rest.nextMessage();
  expect(answer).toMatchObject({ id: 31, error: NODE_LOST });
  await rest.ended;
  // The stream of what belongs to no call is listened to anew.
  const anew = await there.listen(standing);
  expect(anew.status).toBe(200);
  const { id } = await anew.nextEvent();
  expect(id).toMatch(new RegExp(`^${alice.sessionId}\\.0\\.${2 ** 32}$`));
});

it("CLUSTER-44: a session whose client has sent nothing goes on as well", async () => {
  const { a, b } = await serveMoving();
  const stream = await openStream(a.sseUrl, asCaller());
  const { data, id } = await stream.nextEvent();
  await a.kill();
  const headers = asCaller();
  const postUrl = `${b.url}${data}`;
  const opened = await post(
    postUrl,
    {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "late", version: "1" },
      },
    },
    headers,
  );
  expect(opened.status).toBe(202);
  const back = await openStream(b.sseUrl, { ...headers, "last-event-id": id! });
  expect((await back.answerTo(1))["result"].serverInfo.name).toBe("moving");
});

it("CLUSTER-44: a client that waits for the answer to initialize gets that of the new server", async () => {
  const isFirst = { value: true };
  const begun = signal();
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    createServer: (session) => {
      const mcp = createV1(session, stage);
      if (!isFirst.value) return mcp;
      isFirst.value = false;
      const connect = mcp.connect.bind(mcp);
      mcp.connect = async (transport) => {
        await connect(transport);
        // It never comes to an answer.
        transport.onmessage = () => begun.resolve();
      };
      return mcp;
    },
  });
  const [a, b] = nodes;
  const stream = await openStream(a.sseUrl, asCaller());
  const { data, id } = await stream.nextEvent();
  const initialize = {
    jsonrpc: "2.0",
    id: 77,
    method: "initialize",
    params: {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "early", version: "1" },
    },
  };
  await post(`${a.url}${data}`, initialize, asCaller());
  await begun.promise;
  await a.kill();
  const pinged = await post(
    `${b.url}${data}`,
    { jsonrpc: "2.0", id: 78, method: "ping" },
    asCaller(),
  );
  expect(pinged.status).toBe(202);
  const back = await openStream(b.sseUrl, { ...asCaller(), "last-event-id": id! });
  expect((await back.answerTo(77))["result"].protocolVersion).toBe("2025-06-18");
  await back.answerTo(78);
});

it("CLUSTER-45: where the new server refuses, or speaks another revision, the session is lost: 404", async () => {
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    count: 3,
    createServer: (session) => {
      const mcp = createV1(session, stage);
      if (!session.isMoved) return mcp;
      const connect = mcp.connect.bind(mcp);
      mcp.connect = async (transport) => {
        await connect(transport);
        const hear = transport.onmessage;
        transport.onmessage = (message, extra) => {
          if (!("method" in message) || message.method !== "initialize") hear?.(message, extra);
          else
            void transport.send({
              jsonrpc: "2.0",
              id: (message as { id: number }).id,
              error: { code: -32_602, message: "no" },
            });
        };
      };
      return mcp;
    },
  });
  const [a, b, c] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.kill();
  expect((await elsewhere(alice, b).post(toolCall(2, "about"))).status).toBe(404);
  expect((await elsewhere(alice, c!).post(toolCall(2, "about"))).status).toBe(404);
  expect(b.router.sessions.size).toBe(0);
});

it("CLUSTER-45: a server that cannot be made now is asked for again by the next request", async () => {
  const stage = new MovingStage();
  let fails = true;
  const { nodes } = await serveCluster({
    createServer: (session) => {
      if (session.isMoved && fails) throw new Error("not now");
      return createV1(session, stage);
    },
  });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.kill();
  const there = elsewhere(alice, b);
  expect((await there.post(toolCall(2, "about"))).status).toBe(500);
  fails = false;
  expect(await about(there)).toMatchObject({ isMoved: true });
});

it("CLUSTER-45: a server that takes too long to be made is asked for again by the next request", async () => {
  const stage = new MovingStage();
  let hangs = true;
  const { nodes } = await serveCluster({
    sessions: { openTimeoutMs: 100 },
    createServer: (session) =>
      session.isMoved && hangs ? new Promise<never>(() => undefined) : createV1(session, stage),
  });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.kill();
  const there = elsewhere(alice, b);
  expect((await there.post(toolCall(2, "about"))).status).toBe(503);
  hangs = false;
  expect(await about(there)).toMatchObject({ isMoved: true });
});

it("CLUSTER-46: requests that come together have one server made, and none is before it is ready", async () => {
  const stage = new MovingStage();
  const made = { count: 0 };
  const { nodes } = await serveCluster({
    createServer: async (session) => {
      made.count++;
      await new Promise((resolve) => setImmediate(resolve));
      return createV1(session, stage);
    },
  });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.kill();
  const there = elsewhere(alice, b);
  const all = await Promise.all(Array.from({ length: 8 }, () => about(there)));
  expect(all.every(({ isMoved }) => isMoved)).toBe(true);
  expect(made.count).toBe(2);
});

it("CLUSTER-47: an answer to a request of the server before is not taken for one of this server's", async () => {
  const { a, b } = await serveMoving();
  const alice = await converse(a.sseUrl, asCaller());
  await post(alice.postUrl, toolCall(10, "ask"), alice.headers);
  const asked = await alice.stream.nextMessage();
  await a.kill();
  const there = new Away(alice, a, b);
  // The server before has asked with this id, and so does the new one, but for what it begins with.
  const late = { jsonrpc: "2.0", id: asked["id"], result: { roots: [] } };
  expect((await there.post(late)).status).toBe(202);
  await there.post(toolCall(61, "ask"));
  const { stream } = await there.listen(`${alice.sessionId}:1`);
  const again = await nextNew(stream);
  expect(again.method).toBe("roots/list");
  expect(again.id).not.toBe(asked["id"]);
  expect((await there.post({ ...late, id: again.id })).status).toBe(202);
});

it("CLUSTER-40: nobody else goes on with it", async () => {
  const { a, b } = await serveMoving();
  const alice = await begin(a.mcpUrl);
  await a.kill();
  const headers = { ...alice.headers, ...asCaller({ sub: "bob" }) };
  expect((await postMessage(b.mcpUrl, toolCall(2, "about"), headers)).status).toBe(404);
  expect(b.router.sessions.size).toBe(0);
});
