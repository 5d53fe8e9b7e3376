import { connect } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import type { StreamableConversation } from "../kit/streamable.js";
import { HeldTool } from "../kit/tools.js";
import { isSettled, signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const MIB = 1024 * 1024;

describe("a stream", () => {
  it("STREAMABLE-16: has the headers of an event stream, and comments in a silence, for calls and GETs", async () => {
    const held = new HeldTool();
    const { mcpUrl } = await serveMcp({
      createServer: () => held.createServer(),
      keepAliveMs: 20,
      streamable: { sseAfterMs: 0 },
    });
    const client = await begin(mcpUrl);
    const streams = [await client.stream(toolCall(2, "held")), await client.listen()];
    for (const stream of streams) {
      expect(stream.headers).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      });
      expect(await stream.nextComment()).toBe(": keep-alive");
    }
    held.release();
    await streams[0]!.ended;
  });
});

/** A server with a tool that says so much before it answers, and one that answers with so much. */
function createLargeServer(bytes: number, sent: () => void): McpServer {
  const server = new McpServer({ name: "l", version: "1" }, { capabilities: { logging: {} } });
  const data = "x".repeat(bytes);
  server.registerTool("stream", {}, async ({ sendNotification }) => {
    for (let times = 0; times < 40; times++) {
      await sendNotification({ method: "notifications/message", params: { level: "info", data } });
      sent();
    }
    return { content: [{ type: "text", text: "all" }] };
  });
  server.registerTool("answer", {}, () => ({
    content: [{ type: "text", text: "x".repeat(40 * bytes) }],
  }));
  return server;
}

/** Posts a call and reads nothing of its answer. */
function postAndPause(port: number, { headers }: StreamableConversation, call: object) {
  const socket = connect(port, "127.0.0.1");
  onDispose(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.pause();
  const body = JSON.stringify(call);
  const all = {
    ...headers,
    host: "127.0.0.1",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "content-length": body.length,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST /mcp HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  return socket;
}

describe("a reader that does not read", () => {
  it("STREAMABLE-16, STREAM-8: makes what is sent to it wait, and nobody else", async () => {
    let sent = 0;
    const { mcpUrl, port } = await serveMcp({
      createServer: () => createLargeServer(MIB, () => sent++),
      sessions: { maxQueuedBytes: MIB },
      resume: { maxBufferedBytes: MIB },
    });
    const client = await begin(mcpUrl);
    const socket = postAndPause(port, client, toolCall(2, "stream"));
    let before = -1;
    while (sent !== before || sent === 0) {
      before = sent;
      for (let turns = 0; turns < 200; turns++) await turn();
    }
    expect(sent).toBeLessThan(30);
    expect((await client.post(toolCall(3, "nothing"))).status).toBe(200);
    socket.resume();
    let received = "";
    const { promise, resolve } = signal();
    socket.on("data", (chunk) => {
      received = received.slice(-1_000) + chunk.toString("latin1");
      if (received.includes('"text":"all"')) resolve();
    });
    await promise;
    expect(sent).toBe(40);
  });

  it.each(["stream", "answer"])(
    "STREAMABLE-16, SLOW-1: loses its response after sessions.stallMs: %s",
    async (tool) => {
      const { mcpUrl, port, router } = await serveMcp({
        createServer: () => createLargeServer(MIB, () => undefined),
        sessions: { maxQueuedBytes: MIB, stallMs: 30_000 },
      });
      const facts = new Facts(router.sessions);
      const client = await begin(mcpUrl);
      freezeTimers();
      const socket = postAndPause(port, client, toolCall(2, tool));
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      // A paused socket does not notice its end before it has read what came before.
      const cut = (async () => {
        while (router.sessions.get(client.sessionId)!.inFlight === 0) await turn();
        for (;;) {
          await turn();
          const session = router.sessions.get(client.sessionId)!;
          if (session.inFlight === 0) return;
        }
      })();
      await turnClock(1_000, cut);
      socket.resume();
      await closed;
      expect(router.sessions.get(client.sessionId)?.state).toBe("open");
      const outcome = tool === "stream" ? "detached" : "dropped";
      expect(facts.limited[0]).toMatchObject({ limit: "stallMs", outcome });
    },
  );
});

it("STREAMABLE-16, MEMORY-5: a session that is given up for its bytes gives up answers as JSON, too", async () => {
  const { promise: allStarted, resolve: startAll } = signal();
  let started = 0;
  const server = new McpServer({ name: "l", version: "1" });
  server.registerTool("answer", {}, async () => {
    if (++started === 8) startAll();
    await allStarted;
    return { content: [{ type: "text", text: "x".repeat(6 * MIB) }] };
  });
  const { mcpUrl, port, router } = await serveMcp({
    createServer: () => server,
    sessions: { maxHeldBytes: 16 * MIB },
  });
  const facts = new Facts(router.sessions);
  const client = await begin(mcpUrl);
  const { bytes } = router.sessions.get(client.sessionId) as unknown as HeldSession;
  for (let id = 2; id < 10; id++) postAndPause(port, client, toolCall(id, "answer"));
  expect(await facts.reasonOf(client.sessionId)).toBe("buffer-overflow");
  await until(() => bytes.outgoing === 0);
});

/** What a session holds for its client. */
interface HeldSession {
  readonly bytes: { readonly outgoing: number };
}

it("STREAMABLE-10, MEMORY-8: much that is kept is not written again and again to GETs", async () => {
  const server = new McpServer({ name: "l", version: "1" }, { capabilities: { logging: {} } });
  const { mcpUrl } = await serveMcp({ createServer: () => server, resume: { retryMs: 60_000 } });
  const client = await begin(mcpUrl);
  const get = await client.listen();
  const { id } = await get.nextEvent();
  await server.sendLoggingMessage({ level: "info", data: "x".repeat(MIB) });
  await get.nextMessage();
  expect((await client.listen(id)).status).toBe(200);
  expect((await client.listen(id)).status).toBe(429);
});

describe("a session without a connection", () => {
  it("STREAMABLE-19, LIMIT-5: ends after streamable.streamlessIdleMs; one with a GET stays", async () => {
    const { mcpUrl, router } = await serveMcp({ streamable: { streamlessIdleMs: 60_000 } });
    const facts = new Facts(router.sessions);
    freezeTimers();
    const [left, listening] = [await begin(mcpUrl), await begin(mcpUrl)];
    const get = await listening.listen();
    expect(await turnClock(1_000, facts.reasonOf(left.sessionId))).toBe("idle");
    expect(facts.limited).toMatchObject([{ limit: "streamlessIdleMs", outcome: "ended" }]);
    expect((await left.post(toolCall(2, "echo", { text: "x" }))).status).toBe(404);
    jest.advanceTimersByTime(600_000);
    expect(router.sessions.get(listening.sessionId)?.state).toBe("open");
    get.close();
    expect(await turnClock(1_000, facts.reasonOf(listening.sessionId))).toBe("idle");
  });

  it("STREAMABLE-19, LIMIT-5: is kept by the connection of a call, and by nothing else of it", async () => {
    const held = new HeldTool();
    const { mcpUrl, router } = await serveMcp({
      createServer: () => held.createServer(),
      streamable: { streamlessIdleMs: 60_000, sseAfterMs: 0 },
    });
    const facts = new Facts(router.sessions);
    freezeTimers();
    const client = await begin(mcpUrl);
    const call = await client.stream(toolCall(2, "held"));
    await held.started;
    jest.advanceTimersByTime(600_000);
    expect(router.sessions.get(client.sessionId)?.state).toBe("open");
    call.close();
    expect(await turnClock(1_000, facts.reasonOf(client.sessionId))).toBe("idle");
  });

  it("STREAMABLE-19, LIMIT-2: makes room before one whose client listens, and 429 is for who has none to spare", async () => {
    const held = new HeldTool();
    const createServer = jest.fn(() => held.createServer());
    const { mcpUrl, router } = await serveMcp({
      createServer,
      sessions: { maxSessionsPerPrincipal: 2 },
    });
    const facts = new Facts(router.sessions);
    const listening = await begin(mcpUrl);
    const get = await listening.listen();
    const left = await begin(mcpUrl);
    const third = await begin(mcpUrl);
    expect(facts.closed).toEqual([{ id: left.sessionId, reason: "made-room" }]);
    const calls = [listening, third].map((client) => client.stream(toolCall(2, "held")));
    await held.started;
    while (router.sessions.list().some(({ inFlight }) => inFlight === 0)) await turn();
    const refused = await postMessage(mcpUrl, initialize, asCaller());
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "30"]);
    expect(refused.headers["mcp-session-id"]).toBeUndefined();
    expect(router.sessions.size).toBe(2);
    expect(createServer).toHaveBeenCalledTimes(3);
    expect((await begin(mcpUrl, asCaller({ sub: "bob" }))).sessionId).toBeDefined();
    held.release();
    await Promise.all(calls);
    expect(await isSettled(get.ended)).toBe(false);
  });

  it("STREAMABLE-19, LIMIT-8: has no more calls in flight than maxInFlight", async () => {
    const held = new HeldTool();
    const { mcpUrl } = await serveMcp({
      createServer: () => held.createServer(),
      sessions: { maxInFlight: 2 },
    });
    const client = await begin(mcpUrl);
    const calls = [client.post(toolCall(1, "held")), client.post(toolCall(1, "held"))];
    await held.started;
    const third = client.post(toolCall(1, "held"));
    const answers = Promise.race([...calls, third]);
    expect((await answers).status).toBe(429);
    held.release();
    const all = await Promise.all([...calls, third]);
    expect(all.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
  });
});
