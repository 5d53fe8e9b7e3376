import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveNodes } from "../kit/cluster/memory-nodes.js";
import type { MemoryNode } from "../kit/cluster/memory-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import type { Conversation } from "../kit/conversation.js";
import {
  initialize,
  initialized,
  openSession,
  openStream,
  post,
  toolCall,
} from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import { isSettled, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** What official clients send when they come back. */
const COMES_BACK = { "mcp-protocol-version": "2025-06-18" };
const bob = () => asCaller({ sub: "bob" });

const nextQuestion = (stream: RawStream): Promise<string> =>
  stream.nextPing("express-mcp-sse-probe-");

async function answer(id: unknown, node: MemoryNode, { postUrl, headers }: Conversation) {
  return await post(at(node, postUrl), { jsonrpc: "2.0", id, result: {} }, headers);
}

async function leave({ stream }: Conversation): Promise<void> {
  stream.close();
  await stream.ended;
}

/** Calls a tool through a node, and reads the answer on a stream, behind what was lost or is repeated. */
async function call(id: number, node: MemoryNode, stream: RawStream, of: Conversation) {
  const message = toolCall(id, "echo", { text: `${id}` });
  const posted = await post(at(node, of.postUrl), message, of.headers);
  expect([posted.status, posted.text]).toEqual([202, ""]);
  for (;;) {
    const heard = await stream.nextMessage();
    if (heard["id"] !== id) continue;
    expect(JSON.stringify(heard)).toContain(`"text":"${id}"`);
    return;
  }
}

/** The endpoint without the number of the stream. */
const sameEndpoint = (endpoint: string): RegExp =>
  new RegExp(`^${endpoint.replace("?", "\\?")}&r=\\d+$`);

/** What may have become of a session's node before its client comes back. */
const HOMES: readonly [string, (home: MemoryNode) => Promise<void>][] = [
  ["is there", async () => undefined],
  ["has died", (home) => home.kill()],
  ["was closed", (home) => home.close({ timeoutMs: 1_000 })],
];

describe.each(HOMES)(
  "a client that comes back to another node while its session's %s",
  (_, befall) => {
    it("CLUSTER-50: goes on by Last-Event-ID", async () => {
      const [home, edge] = await serveNodes();
      const first = await converse(home.sseUrl);
      await first.call("echo", { text: "one" });
      await leave(first);
      await befall(home);
      const last = { "last-event-id": `${first.sessionId}:2` };
      const back = await openStream(edge.sseUrl, { ...asCaller(), ...last });
      expect((await back.nextEvent()).data).toMatch(sameEndpoint(first.endpoint));
      await call(9, edge, back, first);
    });

    it("CLUSTER-50: is asked, and goes on when it has answered at a third", async () => {
      const [home, edge, third] = await serveNodes({}, 3);
      const first = await converse(home.sseUrl);
      await leave(first);
      await befall(home);
      const back = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK });
      expect((await answer(await nextQuestion(back), third!, first)).status).toBe(202);
      expect((await back.nextEvent()).data).toMatch(sameEndpoint(first.endpoint));
      await call(9, edge, back, first);
      expect(edge.sessions.size + third!.sessions.size).toBe(
        home.faults.isAway || home.sessions.size === 0 ? 1 : 0,
      );
    });

    it("CLUSTER-50: goes on by its cookie, if no other process has it", async () => {
      const [home, edge] = await serveNodes();
      const { stream, endpoint, postUrl } = await openSession(home.sseUrl, asCaller());
      const [cookie = ""] = String(stream.headers["set-cookie"]).split(";");
      const clientInfo = { name: "some client (via mcp-remote 0.1.38)", version: "1" };
      const params = { ...initialize.params, clientInfo };
      await post(postUrl, { ...initialize, params }, asCaller());
      await stream.answerTo(initialize.id);
      await post(postUrl, initialized, { ...asCaller(), ...COMES_BACK });
      const first = { stream, endpoint, postUrl, headers: asCaller() } as unknown as Conversation;
      await leave(first);
      await befall(home);
      const back = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK, cookie });
      expect((await back.nextEvent()).data).toMatch(sameEndpoint(endpoint));
      await call(9, edge, back, first);
    });

    it("CLUSTER-50: is asked by the name that its user gave it", async () => {
      const [home, edge] = await serveNodes();
      const named = {
        ...asCaller(),
        "x-mcp-instance": "laptop",
        "user-agent": "node",
        accept: "*/*",
      };
      const first = await converse(home.sseUrl, named);
      await leave(first);
      await befall(home);
      const other = await openStream(edge.sseUrl, { ...named, "x-mcp-instance": "desktop" });
      expect((await other.nextEvent()).event).toBe("endpoint");
      const back = await openStream(edge.sseUrl, named);
      expect((await answer(await nextQuestion(back), edge, first)).status).toBe(202);
      expect((await back.nextEvent()).data).toMatch(sameEndpoint(first.endpoint));
    });
  },
);

describe("whoever comes to another node", () => {
  it("CLUSTER-51: gets nothing of another's session, and learns nothing of it", async () => {
    const [home, edge] = await serveNodes();
    const alice = await converse(home.sseUrl);
    await alice.call("echo", { text: "of alice" });
    const unknown = "0b6a1f3e-5a5e-4c2b-9d5e-0a1b2c3d4e5f";
    const asked = async (id: string, headers: object): Promise<string> => {
      const stream = await openStream(edge.sseUrl, { ...bob(), ...headers });
      await stream.nextEvent();
      stream.close();
      await stream.ended;
      expect(stream.bytes).not.toContain(id);
      return stream.bytes.replaceAll(/[0-9a-f-]{36}/g, "ID");
    };
    for (const names of [
      (id: string) => ({ "last-event-id": `${id}:0` }),
      (id: string) => ({ cookie: `mcp_resume=${id}`, ...COMES_BACK }),
    ]) {
      expect(await asked(alice.sessionId, names(alice.sessionId))).toBe(
        await asked(unknown, names(unknown)),
      );
    }
    expect(await alice.call("echo", { text: "still here" })).toBe("still here");
  });

  it("CLUSTER-51: is led nowhere by an answer that another gives, nor by one that comes twice or was made up", async () => {
    const [home, edge] = await serveNodes();
    const alice = await converse(home.sseUrl);
    const mallory = await converse(home.sseUrl, bob());
    await leave(alice);
    const back = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK });
    const question = await nextQuestion(back);
    const next = back.nextEvent();
    const made = question.slice(0, -4) + (question.endsWith("AAAA") ? "BBBB" : "AAAA");
    expect((await answer(made, home, alice)).status).toBe(202);
    expect((await answer(question, home, mallory)).status).toBe(202);
    expect((await answer(question, edge, mallory)).status).toBe(202);
    expect(await isSettled(next)).toBe(false);
    expect((await answer(question, home, alice)).status).toBe(202);
    expect((await next).data).toMatch(sameEndpoint(alice.endpoint));
    // Another stream is another question.
    const again = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK });
    expect(await nextQuestion(again)).not.toBe(question);
    expect((await answer(question, home, alice)).status).toBe(202);
    await call(9, edge, back, alice);
    expect(again.bytes).not.toContain("event: endpoint");
  });

  it("CLUSTER-51: has nobody greeted that is not there, by an answer that was made up where nothing is sealed", async () => {
    const [home] = await serveNodes({ memory: { secret: false } });
    const alice = await converse(home.sseUrl);
    const greeted: string[] = [];
    home.faults.fateOf = (message) => {
      if (message.includes('"hello"')) greeted.push(message);
      return "pass";
    };
    const made = Buffer.from('1.-.-.["nobody","x"]').toString("base64url");
    expect((await answer(`express-mcp-sse-probe-${made}`, home, alice)).status).toBe(202);
    expect(await alice.call("echo", { text: "meanwhile" })).toBe("meanwhile");
    expect(greeted).toEqual([]);
  });

  it("CLUSTER-51: is told apart from another client of the same principal", async () => {
    const [home, edge, third] = await serveNodes({}, 3);
    const clients = [
      await converse(home.sseUrl),
      await converse(home.sseUrl),
      await converse(third!.sseUrl),
    ];
    await Promise.all(clients.map(leave));
    const streams = await Promise.all(
      clients.map(() => openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK })),
    );
    const questions = await Promise.all(streams.map(nextQuestion));
    // The other way round, to see that it is the answer that counts.
    for (const [n, client] of clients.entries()) await answer(questions[2 - n], edge, client);
    for (const [n, client] of clients.entries()) {
      expect((await streams[2 - n]!.nextEvent()).data).toMatch(sameEndpoint(client.endpoint));
      await call(20 + n, edge, streams[2 - n]!, client);
    }
  });

  it("CLUSTER-52: is not asked where no node has a session that may be its own", async () => {
    const [home, edge] = await serveNodes({ advanced: { closeLostClients: false } });
    const ended = await converse(home.sseUrl);
    home.sessions.close(ended.sessionId);
    await ended.stream.ended;
    const others = await converse(home.sseUrl, bob());
    const tenant = await converse(`${home.sseUrl}?tenant=b`);
    const back = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK });
    const { event, data } = await back.nextEvent();
    expect([event, data.includes(ended.sessionId)]).toEqual(["endpoint", false]);
    expect(await others.call("echo", { text: "here" })).toBe("here");
    expect(await tenant.call("echo", { text: "here" })).toBe("here");
  });

  it("CLUSTER-53: is told to come again while nobody can tell where its session is", async () => {
    const [home, edge] = await serveNodes({ memory: { relayTimeoutMs: 200 } });
    const alice = await converse(home.sseUrl);
    await leave(alice);
    edge.faults.isAway = true;
    for (const names of [COMES_BACK, { "last-event-id": `${alice.sessionId}:0` }]) {
      const back = await openStream(edge.sseUrl, { ...asCaller(), ...names });
      await back.ended;
      expect([back.status, back.bytes]).toEqual([200, "retry: 1000\n\n"]);
    }
    edge.faults.isAway = false;
    await until(async () => {
      const back = await openStream(edge.sseUrl, {
        ...asCaller(),
        "last-event-id": `${alice.sessionId}:1`,
      });
      return (
        (await back.nextEvent().catch(() => undefined))?.data.includes(alice.sessionId) === true
      );
    });
  });
});

describe("a stream by way of another node", () => {
  async function relayed(options: Parameters<typeof serveNodes>[0] = {}, count = 2) {
    const nodes = await serveNodes(options, count);
    const first = await converse(nodes[0].sseUrl);
    const last = { "last-event-id": `${first.sessionId}:1` };
    const listen = async (node: MemoryNode): Promise<RawStream> => {
      const stream = await openStream(node.sseUrl, { ...asCaller(), ...last });
      expect((await stream.nextEvent()).data).toMatch(sameEndpoint(first.endpoint));
      return stream;
    };
    return { nodes, first, listen };
  }

  it("CLUSTER-54: the newest stream wins, at whichever nodes they are", async () => {
    const { nodes, first, listen } = await relayed({}, 3);
    const [home, edge, third] = nodes;
    const atEdge = await listen(edge);
    await first.stream.ended;
    const atThird = await listen(third!);
    await atEdge.ended;
    await call(9, edge, atThird, first);
    const atHome = await listen(home);
    await atThird.ended;
    await call(10, third!, atHome, first);
  });

  it("CLUSTER-54: ends with retry when its session's node dies, or hands it over", async () => {
    for (const befall of [HOMES[1]![1], HOMES[2]![1]]) {
      const { nodes, first, listen } = await relayed();
      const [home, edge] = nodes;
      const stream = await listen(edge);
      await befall(home);
      await stream.ended;
      expect(stream.bytes.endsWith("\n\nretry: 1000\n\n")).toBe(true);
      const back = await listen(edge);
      await call(9, edge, back, first);
    }
  });

  it("CLUSTER-54: is kept alive, and its session is told when its client leaves", async () => {
    const { nodes, first, listen } = await relayed({
      keepAliveMs: 1_000,
      resume: { graceMs: 600_000 },
    });
    const stream = await listen(nodes[1]);
    expect(await stream.nextComment()).toBe(": keep-alive");
    stream.close();
    await until(() => nodes[0].sessions.get(first.sessionId)?.state === "detached");
  });

  it("CLUSTER-55: names a credential of the query again, which the session's node never sees", async () => {
    const key = "an-api-key-with-20%&=+";
    const options = {
      auth: { type: "apikey", options: { keys: [{ key, id: "alice" }], queryParam: "key" } },
    };
    const [home, edge] = await serveNodes(options as never);
    const query = `?${new URLSearchParams({ key }).toString()}`;
    const first = await converse(`${home.sseUrl}${query}`, {});
    const last = { "last-event-id": `${first.sessionId}:1` };
    const back = await openStream(`${edge.sseUrl}${query}`, last);
    expect((await back.nextEvent()).data).toBe(`${first.endpoint}&r=1`);
    await call(9, edge, back, first);
  });
});
