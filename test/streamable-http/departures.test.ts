import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { InitializeRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { fromPassport } from "../../src/index.js";
import type { PassportStrategy } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { RawConnection } from "../kit/raw-http.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import { HeldTool } from "../kit/tools.js";
import { signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** A request as bytes. */
function bytesOf(method: string, headers: Record<string, string>, body = ""): string {
  const all = {
    host: "127.0.0.1",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "content-length": body.length,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${method} /mcp HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** A strategy that says who calls when a test tells it to. */
function createSlowStrategy() {
  const asked: (() => void)[] = [];
  let isSlow = false;
  const strategy: PassportStrategy = {
    name: "slow",
    authenticate(this: { success(user: object): void }) {
      const answer = (): void => this.success({ id: "alice" });
      if (isSlow) asked.push(answer);
      else answer();
    },
  };
  const auth = fromPassport(strategy, {
    principal: () => ({ id: "alice" }),
    challenge: { scheme: "Bearer" },
    findCredential: () => ({ place: "bearer", name: "authorization", text: "x" }),
  });
  return { auth, asked, slowDown: () => (isSlow = true) };
}

describe("a client that leaves", () => {
  it.each([
    ["GET", "while it is asked who it is"],
    ["POST", "while it is asked who it is"],
  ])("STREAMABLE-19, LIMIT-5: with a %s, %s, leaves no connection behind", async (method) => {
    const slow = createSlowStrategy();
    const { mcpUrl, port, router } = await serveMcp({
      auth: slow.auth,
      streamable: { streamlessIdleMs: 60_000 },
    });
    const facts = new Facts(router.sessions);
    freezeTimers();
    const client = await begin(mcpUrl, {});
    slow.slowDown();
    const connection = await RawConnection.open(port);
    const body = method === "GET" ? "" : JSON.stringify(toolCall(2, "whoami"));
    connection.write(bytesOf(method, client.headers, body));
    await until(() => slow.asked.length === 1);
    connection.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    for (const answer of slow.asked.splice(0)) answer();
    await turnClock(1_000, facts.reasonOf(client.sessionId));
    expect(facts.limited).toMatchObject([{ limit: "streamlessIdleMs", outcome: "ended" }]);
  });

  it("STREAMABLE-2: before its message was refused, leaves no session behind", async () => {
    const slow = createSlowStrategy();
    const { port, router } = await serveMcp({
      auth: slow.auth,
    });
    slow.slowDown();
    const connection = await RawConnection.open(port);
    connection.write(bytesOf("POST", {}, JSON.stringify(toolCall(2, "whoami"))));
    await until(() => slow.asked.length === 1);
    connection.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    for (const answer of slow.asked.splice(0)) answer();
    for (let turns = 0; turns < 100; turns++) await turn();
    expect(router.sessions.size).toBe(0);
  });

  it("STREAMABLE-19: leaves nothing of answers that wait behind another on its connection", async () => {
    const held = new HeldTool();
    const { mcpUrl, port, router } = await serveMcp({
      createServer: () => {
        const server = held.createServer();
        server.registerTool("now", {}, () => ({ content: [] }));
        return server;
      },
      streamable: { streamlessIdleMs: 60_000 },
    });
    const facts = new Facts(router.sessions);
    freezeTimers();
    const client = await begin(mcpUrl);
    const connection = await RawConnection.open(port);
    const calls = [toolCall(2, "held"), toolCall(3, "now"), toolCall(4, "now")];
    for (const call of calls)
      connection.write(bytesOf("POST", client.headers, JSON.stringify(call)));
    await held.started;
    for (let turns = 0; turns < 100; turns++) await turn();
    connection.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    held.release();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(router.sessions.get(client.sessionId)?.inFlight).toBe(0);
    await turnClock(1_000, facts.reasonOf(client.sessionId));
    expect(facts.limited).toMatchObject([{ limit: "streamlessIdleMs", outcome: "ended" }]);
  });

  it("STREAMABLE-2: leaves no session of messages that wait behind another on its connection", async () => {
    const held = new HeldTool();
    const { mcpUrl, port, router } = await serveMcp({ createServer: () => held.createServer() });
    const client = await begin(mcpUrl);
    const { authorization = "" } = client.headers;
    const connection = await RawConnection.open(port);
    connection.write(bytesOf("POST", client.headers, JSON.stringify(toolCall(2, "held"))));
    for (const id of [3, 4, 5]) {
      connection.write(bytesOf("POST", { authorization }, JSON.stringify(toolCall(id, "held"))));
    }
    await held.started;
    for (let turns = 0; turns < 100; turns++) await turn();
    connection.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    expect(router.sessions.size).toBe(1);
  });
});

it("LIMIT-8, STREAMABLE-8: a call that is refused is no stream, and takes no message with it", async () => {
  const held = new HeldTool();
  const server = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  held.register(server);
  const { mcpUrl } = await serveMcp({
    createServer: () => server,
    sessions: { maxInFlight: 1 },
    streamable: { sseAfterMs: 0 },
  });
  const client = await begin(mcpUrl);
  const first = client.post(toolCall(2, "held"), { accept: "application/json" });
  await held.started;
  await server.sendLoggingMessage({ level: "info", data: "for whoever listens" });
  const { status, json } = await client.post(toolCall(3, "held"));
  expect([status, json?.error.data.code]).toEqual([429, "too_many_calls"]);
  held.release();
  expect((await first).status).toBe(200);
  const get = await client.listen();
  await get.nextEvent();
  expect((await get.nextMessage())["params"].data).toBe("for whoever listens");
});

it("STREAMABLE-13: with resume: false, an answer comes after all that was said before it", async () => {
  const server = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  const said = signal();
  server.registerTool("much", {}, ({ sendNotification }) => {
    const data = "x".repeat(1024 * 1024);
    for (let times = 0; times < 24; times++) {
      void sendNotification({ method: "notifications/message", params: { level: "info", data } });
    }
    said.resolve();
    return { content: [{ type: "text", text: "all of it" }] };
  });
  const { mcpUrl } = await serveMcp({
    createServer: () => server,
    resume: false,
    sessions: { maxQueuedBytes: 65_536 },
  });
  const client = await begin(mcpUrl);
  const stream = await client.stream(toolCall(2, "much"));
  stream.pause();
  await said.promise;
  for (let turns = 0; turns < 200; turns++) await turn();
  stream.resume();
  await stream.ended;
  expect(stream.bytes.slice(-200)).toContain("all of it");
});

it("STREAMABLE-13: a stream whose call was cancelled is given up resume.graceMs later", async () => {
  const held = new HeldTool();
  const { mcpUrl } = await serveMcp({ createServer: () => held.createServer() });
  freezeTimers();
  const client = await begin(mcpUrl);
  const opened = client.stream(toolCall(2, "held"));
  await held.started;
  jest.advanceTimersByTime(1_001);
  const stream = await opened;
  const { id } = await stream.nextEvent();
  const params = { requestId: 2 };
  await client.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  await stream.ended;
  expect((await client.listen(id)).status).toBe(204);
  for (let times = 0; times < 3; times++) jest.advanceTimersByTime(60_000);
  expect((await client.listen(id)).status).toBe(400);
});

it("STREAMABLE-13: what has left on a stream that goes on is not kept for ever", async () => {
  const server = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  const { mcpUrl } = await serveMcp({ createServer: () => server });
  freezeTimers();
  const client = await begin(mcpUrl);
  const get = await client.listen();
  const { id } = await get.nextEvent();
  await server.sendLoggingMessage({ level: "info", data: "said" });
  await get.nextMessage();
  for (let times = 0; times < 3; times++) jest.advanceTimersByTime(60_000);
  expect((await client.listen(id)).status).toBe(400);
});

it("STREAMABLE-13: streams count themselves, so that many of cancelled calls are not kept either", async () => {
  const server = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  server.registerTool("hold", {}, async ({ sendNotification, signal: cancelled }) => {
    await sendNotification({
      method: "notifications/message",
      params: { level: "info", data: "working" },
    });
    await new Promise((resolve) => cancelled.addEventListener("abort", resolve));
    return { content: [] };
  });
  const { mcpUrl } = await serveMcp({
    createServer: () => server,
    resume: { maxBufferedBytes: 4_096 },
  });
  const client = await begin(mcpUrl);
  const ids: string[] = [];
  for (let requestId = 2; requestId < 12; requestId++) {
    const stream = await client.stream(toolCall(requestId, "hold"));
    ids.push((await stream.nextEvent()).id!);
    await stream.nextMessage();
    const params = { requestId };
    await client.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await stream.ended;
  }
  const statuses = [];
  for (const id of ids) statuses.push((await client.listen(id)).status);
  expect([statuses[0], statuses[9]]).toEqual([400, 204]);
});

describe("an initialize that takes long", () => {
  /** A server that answers `initialize` when it is let go. */
  async function serveSlowly() {
    const { promise: started, resolve: noteStart } = signal();
    const { promise: released, resolve: release } = signal();
    const { mcpUrl, router } = await serveMcp({
      createServer: () => {
        const server = new McpServer({ name: "s", version: "1" });
        server.server.setRequestHandler(InitializeRequestSchema, async ({ params }) => {
          noteStart();
          await released;
          const { protocolVersion } = params;
          return { protocolVersion, capabilities: {}, serverInfo: { name: "s", version: "1" } };
        });
        return server;
      },
    });
    return { mcpUrl, router, started, release };
  }

  it("STREAMABLE-1: names no session where that has ended", async () => {
    const { mcpUrl, router, started } = await serveSlowly();
    const answer = postMessage(mcpUrl, initialize, asCaller());
    await started;
    router.sessions.close(router.sessions.list()[0]!.id);
    const { status, headers } = await answer;
    expect([status, headers["mcp-session-id"]]).toEqual([404, undefined]);
  });

  it("STREAMABLE-1: begins no session where nobody is left to hear of it", async () => {
    const { mcpUrl, router, started, release } = await serveSlowly();
    const { port } = new URL(mcpUrl);
    const connection = await RawConnection.open(Number(port));
    connection.write(bytesOf("POST", asCaller(), JSON.stringify(initialize)));
    await started;
    const facts = new Facts(router.sessions);
    const [session] = router.sessions.list();
    connection.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    release();
    expect(await facts.reasonOf(session!.id)).toBe("failed-to-open");
  });
});
