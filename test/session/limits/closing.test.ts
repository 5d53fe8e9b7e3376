import type { MCPServer } from "../../../src/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { clientV1, clientV2 } from "../../kit/sdk-clients.js";
import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { freezeTimers } from "../../kit/clock.js";
import { createToolServer, HeldTool, registerTools } from "../../kit/tools.js";
import { JWT_AUTH, serveRouter, startMcpServer } from "../../kit/serve.js";
import type { ServeRouterOptions } from "../../kit/serve.js";

import { lastingPort } from "../../kit/listen.js";
import { send } from "../../kit/raw-http.js";
import { openStream, post, toolCall } from "../../kit/raw-sse.js";
import { detached, Facts } from "../../kit/session-facts.js";
import { signal, until } from "../../kit/waiting.js";

cleanUpAfterEach();

const RECONNECT = { "mcp-protocol-version": "2025-06-18" };

async function serveHeld(options: ServeRouterOptions = {}) {
  const tool = new HeldTool();
  const served = await serveRouter({ createServer: () => tool.createServer(), ...options });
  const close = (timeoutMs: number) => {
    const state = { isDone: false };
    const done = served.close({ timeoutMs }).then(() => void (state.isDone = true));
    return { state, done };
  };
  return { ...served, tool, closeWithin: close, facts: new Facts(served.sessions) };
}

type Detached = Awaited<ReturnType<typeof serveHeld>> & { sessionId: string; postUrl: string };

/** A session with a call in flight whose client is away. */
async function detachedWithCall(options: ServeRouterOptions = {}): Promise<Detached> {
  const held = await serveHeld(options);
  const { stream, postUrl, sessionId, headers } = await converse(held.sseUrl);
  await post(postUrl, toolCall(9, "held"), headers);
  await held.tool.started;
  stream.close();
  await detached(held.sessions, sessionId);
  return { ...held, sessionId, postUrl };
}

describe("while the router closes", () => {
  it("STOP-2: a client that is away comes back for its answer, and close() waits for that", async () => {
    const { sseUrl, sessionId, tool, closeWithin, facts, sessions } = await detachedWithCall();
    const { state, done } = closeWithin(20_000);
    tool.release();
    await until(() => sessions.get(sessionId)?.inFlight === 0);
    expect(state.isDone).toBe(false);
    const again = await openStream(sseUrl, { ...asCaller(), "last-event-id": `${sessionId}:1` });
    expect((await again.nextEvent()).event).toBe("endpoint");
    expect(await again.nextMessage()).toMatchObject({ id: 9 });
    await Promise.all([done, again.ended]);
    expect(again.bytes).toMatch(/retry: 1000\n\n$/);
    expect(await facts.reasonOf(sessionId)).toBe("shutting-down");
  });

  it("STOP-2: a call of a client that is there finishes, and its answer arrives", async () => {
    const { sseUrl, tool, closeWithin } = await serveHeld();
    const conversation = await converse(sseUrl);
    const answer = conversation.call("held");
    await tool.started;
    const { done } = closeWithin(20_000);
    tool.release();
    expect(await answer).toBe("released");
    await Promise.all([done, conversation.stream.ended]);
  });

  it("STOP-2: an answer that the client got on an earlier stream is not waited for", async () => {
    const { sseUrl, sessions, close } = await serveRouter({ resume: { graceMs: 600_000 } });
    const conversation = await converse(sseUrl);
    const { sessionId, headers } = conversation;
    await conversation.call("echo", { text: "had" });
    conversation.stream.close();
    await detached(sessions, sessionId);
    const again = await openStream(sseUrl, { ...headers, "last-event-id": `${sessionId}:0` });
    expect((await again.nextEvent()).event).toBe("endpoint");
    again.close();
    await detached(sessions, sessionId);
    await close({ timeoutMs: 600_000 });
  });

  it("STOP-2: it waits no longer than timeoutMs for one that does not", async () => {
    const { tool, closeWithin, sessions } = await detachedWithCall();
    tool.release();
    await closeWithin(50).done;
    expect(sessions.size).toBe(0);
  });

  it("STOP-1: new clients get 503, those whose session is gone are told to come again", async () => {
    const { sseUrl, tool, closeWithin } = await detachedWithCall({
      resume: { retryMs: 77 },
    });
    freezeTimers();
    const { done } = closeWithin(1_000);
    const fresh = await send(sseUrl, { headers: asCaller() });
    expect([fresh.status, fresh.json.error]).toEqual([503, "shutting_down"]);
    const bob = asCaller({ sub: "bob" });
    const lost = await openStream(sseUrl, { ...bob, ...RECONNECT });
    await lost.ended;
    expect([lost.status, lost.bytes]).toEqual([200, "retry: 77\n\n"]);
    tool.release();
    jest.advanceTimersByTime(1_000);
    await done;
  });

  it("STOP-1: a client that is being asked for its session is sent away to come again", async () => {
    const { sseUrl, closeWithin, tool } = await detachedWithCall({ resume: { retryMs: 77 } });
    const asked = await openStream(sseUrl, { ...asCaller(), ...RECONNECT });
    expect((await asked.nextEvent()).data).toContain("ping");
    await closeWithin(0).done;
    await asked.ended;
    expect(asked.bytes).toMatch(/retry: 77\n\n$/);
    tool.release();
  });
});

describe("when close() resolves", () => {
  /** A server whose close() takes as long as it is told to. */
  function slowToClose(until: Promise<void>, closed: () => void): McpServer {
    const server = createToolServer();
    const close = server.close.bind(server);
    server.close = async () => {
      await until;
      await close();
      closed();
    };
    return server;
  }

  it("STOP-3: servers have been closed, also those of sessions that had ended before", async () => {
    const release = signal();
    let closed = 0;
    const served = await serveRouter({
      createServer: () => slowToClose(release.promise, () => closed++),
    });
    const first = await converse(served.sseUrl);
    await converse(served.sseUrl);
    served.sessions.close(first.sessionId);
    const closing = served.close();
    release.resolve();
    await closing;
    expect(closed).toBe(2);
  });

  it("STOP-3: a server that never closes is not waited for, but told of", async () => {
    const served = await serveRouter({
      createServer: () => slowToClose(new Promise(() => undefined), () => undefined),
    });
    await converse(served.sseUrl);
    await served.close({ timeoutMs: 0 });
    expect(served.sessions.size).toBe(0);
    expect(served.lines.some((line) => line.startsWith("warn: closed, although"))).toBe(true);
  });

  it("STOP-3: a reader that takes nothing does not keep its connection", async () => {
    const served = await serveRouter({
      createServer: () => {
        const server = new McpServer(
          { name: "s", version: "1" },
          { capabilities: { logging: {} } },
        );
        registerTools(server);
        return server;
      },
      sessions: { stallMs: 0 },
    });
    const { stream, sessionId, postUrl, headers } = await converse(served.sseUrl);
    stream.pause();
    const text = "x".repeat(3_000_000);
    for (let id = 10; id < 14; id++) await post(postUrl, toolCall(id, "echo", { text }), headers);
    const request = served.sessions.get(sessionId)?.request;
    const gone = new Promise((resolve) => request?.socket.once("close", resolve));
    await served.close({ timeoutMs: 0 });
    await gone;
  });
});

describe("closeFor", () => {
  it("STOP-4: ends a principal's streams at once, those that are away and those being opened too", async () => {
    const asked = signal();
    const made = signal();
    let isSlow = false;
    const served = await serveRouter({
      createServer: async () => {
        if (isSlow) {
          asked.resolve();
          await made.promise;
        }
        return createToolServer();
      },
    });
    const facts = new Facts(served.sessions);
    const open = await converse(served.sseUrl);
    const away = await converse(served.sseUrl);
    away.stream.close();
    await detached(served.sessions, away.sessionId);
    const bob = await converse(served.sseUrl, asCaller({ sub: "bob" }));
    isSlow = true;
    const opening = send(served.sseUrl, { headers: asCaller() });
    await asked.promise;
    expect(served.sessions.closeFor(served.sessions.get(open.sessionId)!.principal)).toBe(3);
    await open.stream.ended;
    made.resolve();
    expect((await opening).status).toBe(503);
    expect(await facts.reasonOf(open.sessionId)).toBe("revoked");
    expect(await facts.reasonOf(away.sessionId)).toBe("revoked");
    expect(open.stream.bytes).not.toContain("retry: 1000\n\n");
    expect(await bob.call("echo", { text: "alive" })).toBe("alive");
  });

  it("STOP-4: with a removed API key: its streams end, and it is refused from then on", async () => {
    const reporting = { id: "reporting", key: "the-key-of-reporting-01" };
    const other = { id: "other", key: "the-key-of-somebody-else" };
    let keys = [reporting, other];
    const served = await serveRouter({
      auth: { type: "apikey", options: { keys: () => keys } },
    });
    const removed = await converse(served.sseUrl, { "x-api-key": reporting.key });
    const kept = await converse(served.sseUrl, { "x-api-key": other.key });
    keys = [other];
    for (const { principal } of served.sessions.list()) {
      if (principal?.id === "reporting") served.sessions.closeFor(principal);
    }
    await removed.stream.ended;
    expect((await send(served.sseUrl, { headers: { "x-api-key": reporting.key } })).status).toBe(
      401,
    );
    expect(await kept.call("echo", { text: "alive" })).toBe("alive");
    // A list that is wrong is nobody's fault who calls.
    keys = [{ id: "", key: "another-good-key-0123" }];
    expect((await send(served.sseUrl, { headers: { "x-api-key": other.key } })).status).toBe(503);
    keys = [];
    expect((await send(served.sseUrl, { headers: { "x-api-key": other.key } })).status).toBe(401);
  });
});

describe.each([clientV1, clientV2])("$name in a rolling restart", (kit) => {
  it("STOP-5: comes back by itself, its old call fails at once, and a new session works", async () => {
    const tool = new HeldTool();
    const port = await lastingPort();
    const start = async (): Promise<MCPServer> => {
      const options = { auth: JWT_AUTH, port, resume: { retryMs: 20 }, advanced: { probeMs: 50 } };
      const setup = (mcp: McpServer) => {
        registerTools(mcp);
        tool.register(mcp);
      };
      return await startMcpServer({ setup, transport: { type: "sse", options } });
    };
    const listener = { onNotification: () => undefined, onSampling: () => "" };
    const headers = asCaller();
    const old = await start();
    const url = old.url!;
    const client = await kit.connect(url, { headers, listener });
    const call = client.call("held", {}).then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await tool.started;
    await old.stop({ timeoutMs: 0 });
    const server = await start();
    // Nobody but the client opens a stream here; it is told that its session is gone.
    await client.closed;
    expect(await call).toMatch(/closed/i);
    tool.release();
    const next = await kit.connect(url, { headers, listener });
    expect(await next.call("echo", { text: "served again" })).toBe("served again");
    expect(server.sessions?.size).toBe(1);
  });
});
