import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { freezeTimers } from "../../kit/clock.js";
import { HeldTool, registerTools } from "../../kit/tools.js";
import { serveRouter } from "../../kit/serve.js";
import { initialize, openSession, openStream, post, toolCall } from "../../kit/raw-sse.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Facts } from "../../kit/session-facts.js";

cleanUpAfterEach();

beforeEach(() => freezeTimers());

const RETRY = /retry: 77\n\n$/;
const resume = { retryMs: 77 };

/** For times that are longer than a token's. */
const KEEP = { onTokenExpiry: "keep" } as const;

describe("a client that begins nothing", () => {
  it("LIMIT-4: loses its stream after initTimeoutMs, with a time to come back", async () => {
    const { sseUrl, sessions } = await serveRouter({ sessions: { initTimeoutMs: 5000 }, resume });
    const facts = new Facts(sessions);
    const { stream, postUrl } = await openSession(sseUrl, asCaller());
    jest.advanceTimersByTime(4999);
    expect(sessions.size).toBe(1);
    jest.advanceTimersByTime(1);
    await stream.ended;
    expect(stream.bytes).toMatch(RETRY);
    expect(facts.closed.map(({ reason }) => reason)).toEqual(["never-initialized"]);
    expect(facts.limited).toMatchObject([{ limit: "initTimeoutMs", outcome: "ended" }]);
    expect((await post(postUrl, initialize, asCaller())).status).toBe(404);
  });

  it("LIMIT-4: may take a minute unless told otherwise, or for ever", async () => {
    const quiet = { keepAliveMs: 0 };
    const usual = await serveRouter(quiet);
    const endless = await serveRouter({ ...quiet, sessions: { initTimeoutMs: 0, ...KEEP } });
    await openSession(usual.sseUrl, asCaller());
    await openSession(endless.sseUrl, asCaller());
    jest.advanceTimersByTime(59_999);
    expect(usual.sessions.size).toBe(1);
    jest.advanceTimersByTime(1);
    expect(usual.sessions.size).toBe(0);
    jest.advanceTimersByTime(24 * 3_600_000);
    expect(endless.sessions.size).toBe(1);
  });
});

describe("an idle session", () => {
  it("LIMIT-5: ends after idleMs, whatever keeps its stream alive", async () => {
    const { sseUrl, sessions } = await serveRouter({ sessions: { idleMs: 60_000 }, resume });
    const facts = new Facts(sessions);
    const { stream, postUrl, sessionId } = await converse(sseUrl);
    jest.advanceTimersByTime(59_999);
    expect(sessions.size).toBe(1);
    jest.advanceTimersByTime(1);
    await stream.ended;
    expect(stream.bytes).toContain(": keep-alive\n\n");
    expect(stream.bytes).toMatch(RETRY);
    expect(await facts.reasonOf(sessionId)).toBe("idle");
    expect(facts.limited).toMatchObject([{ limit: "idleMs", outcome: "ended" }]);
    expect((await post(postUrl, toolCall(5, "echo"), asCaller())).status).toBe(404);
  });

  it("LIMIT-5: is not one with a call now and then, nor one to which the server speaks", async () => {
    const servers: McpServer[] = [];
    const { sseUrl, sessions } = await serveRouter({
      sessions: { idleMs: 60_000, ...KEEP },
      resume: false,
      createServer: () => {
        const server = new McpServer(
          { name: "s", version: "1" },
          { capabilities: { logging: {} } },
        );
        registerTools(server);
        servers.push(server);
        return server;
      },
    });
    const conversation = await converse(sseUrl);
    for (let time = 0; time < 3; time++) {
      jest.advanceTimersByTime(59_000);
      await conversation.call("echo", { text: "still here" });
      jest.advanceTimersByTime(59_000);
      await servers[0]!.server.sendLoggingMessage({ level: "info", data: "news" });
      await conversation.stream.nextMessage();
    }
    expect(sessions.size).toBe(1);
    jest.advanceTimersByTime(60_000);
    expect(sessions.size).toBe(0);
  });

  it("LIMIT-5: is not one whose call takes longer than that", async () => {
    const tool = new HeldTool();
    const { sseUrl, sessions } = await serveRouter({
      sessions: { idleMs: 60_000, ...KEEP },
      keepAliveMs: 0,
      resume: false,
      createServer: () => tool.createServer(),
    });
    const conversation = await converse(sseUrl);
    const answer = conversation.call("held");
    await tool.started;
    jest.advanceTimersByTime(3_600_000);
    tool.release();
    expect(await answer).toBe("released");
    jest.advanceTimersByTime(60_000);
    expect(sessions.size).toBe(0);
  });

  it("LIMIT-5: ends after a day unless told otherwise, or never", async () => {
    const quiet = { keepAliveMs: 0 };
    const usual = await serveRouter({ ...quiet, sessions: KEEP });
    const endless = await serveRouter({ ...quiet, sessions: { idleMs: 0, ...KEEP } });
    await converse(usual.sseUrl);
    await converse(endless.sseUrl);
    jest.advanceTimersByTime(86_399_999);
    expect(usual.sessions.size).toBe(1);
    jest.advanceTimersByTime(1);
    expect([usual.sessions.size, endless.sessions.size]).toEqual([0, 1]);
  });
});

it("LIMIT-6: a session ends after lifetimeMs, however much it is used", async () => {
  const { sseUrl, sessions } = await serveRouter({
    sessions: { lifetimeMs: 60_000 },
    resume: false,
  });
  const facts = new Facts(sessions);
  const conversation = await converse(sseUrl);
  for (let time = 0; time < 5; time++) {
    jest.advanceTimersByTime(10_000);
    await conversation.call("echo", { text: "used" });
  }
  jest.advanceTimersByTime(10_000);
  await conversation.stream.ended;
  expect(conversation.stream.bytes).toMatch(/retry: 1000\n\n$/);
  expect(await facts.reasonOf(conversation.sessionId)).toBe("lifetime-reached");
});

it("LIMIT-7: a client whose session ended by a limit comes back, hears that it is gone, and can begin anew", async () => {
  const { sseUrl, sessions } = await serveRouter({ sessions: { idleMs: 60_000 }, resume });
  const old = await converse(sseUrl);
  jest.advanceTimersByTime(60_000);
  await old.stream.ended;
  const headers = { ...asCaller(), "mcp-protocol-version": "2025-06-18" };
  const again = await openStream(sseUrl, headers);
  const { event, data } = await again.nextEvent();
  expect(event).toBe("endpoint");
  expect(data).not.toContain(old.sessionId);
  const answer = await post(new URL(data, sseUrl).href, initialize, asCaller());
  expect(answer.status).toBe(202);
  expect(await again.nextMessage()).toMatchObject({ id: 1, result: {} });
  expect(sessions.size).toBe(1);
});

it("LIMIT-4, LIMIT-5, LIMIT-6: nothing of a session stays behind in the timers", async () => {
  const served = await serveRouter({ sessions: { lifetimeMs: 3_600_000 } });
  const { sseUrl, sessions } = served;
  await openSession(sseUrl, asCaller());
  const { sessionId } = await converse(sseUrl);
  expect(jest.getTimerCount()).toBeGreaterThan(0);
  sessions.close(sessionId);
  await served.close({ timeoutMs: 1000 });
  expect(jest.getTimerCount()).toBe(0);
});
