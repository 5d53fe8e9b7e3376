import { Facts, detached } from "../kit/session-facts.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryMount, serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import type { Served } from "../kit/serve.js";

import { initialize, openSession, openStream, post, toolCall } from "../kit/raw-sse.js";

import type { RawStream } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** What official clients send when they come back. */
const COMES_BACK = { "mcp-protocol-version": "2025-06-18" };
const KEY = "an-api-key-0123456789";

/** Reads the ping that asks a client for its session. */
const nextQuestion = (stream: RawStream): Promise<string> =>
  stream.nextPing("express-mcp-sse-probe-");

async function answer(id: unknown, { postUrl, headers }: Conversation): Promise<void> {
  const { status } = await post(postUrl, { jsonrpc: "2.0", id, result: {} }, headers);
  expect(status).toBe(202);
}

/**
 * A client whose stream is gone, and a stream of one that is asked whether it is the same. The clock
 * stands still from then on, so that the answer is in time.
 */
async function askedAbout(
  { sseUrl }: Served,
  headers: Record<string, string> = asCaller(),
): Promise<{ left: Conversation; stream: RawStream; question: unknown }> {
  const left = await converse(sseUrl, headers);
  left.stream.close();
  await left.stream.ended;
  freezeTimers();
  const stream = await openStream(sseUrl, { ...headers, ...COMES_BACK });
  return { left, stream, question: await nextQuestion(stream) };
}

describeEveryMount((serve) => {
  it("RESUME-2, RESUME-5: a cookie that others may have too continues nothing: the client itself is asked", async () => {
    const { sseUrl } = await serve();
    const [mine, others] = [await converse(sseUrl), await converse(sseUrl)];
    for (const { stream } of [mine, others]) {
      stream.close();
      await stream.ended;
    }
    const cookie = `mcp_resume=${others.sessionId}`;
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK, cookie });
    await answer(await nextQuestion(back), mine);
    expect((await back.nextEvent()).data).toBe(`${mine.endpoint}&r=1`);
    expect(back.bytes).not.toContain(others.sessionId);
  });

  it("RESUME-3: a new process with a name that is in use gets a session of its own, at once", async () => {
    const { sseUrl } = await serve();
    const named = (program: string) => ({
      ...asCaller(),
      "x-mcp-instance": "one",
      "user-agent": program,
    });
    // A Python client would wait for ever if it were asked something before its endpoint event.
    const python = await converse(sseUrl, named("python-httpx/0.28.1"));
    python.stream.close();
    await python.stream.ended;
    const second = await openSession(sseUrl, named("python-httpx/0.28.1"));
    expect(second.endpoint).not.toContain(python.sessionId);
    // One that names the version once it knows it has not come back without it.
    const modern = await converse(sseUrl, named("node"), COMES_BACK);
    modern.stream.close();
    await modern.stream.ended;
    const third = await openSession(sseUrl, named("node"));
    expect(third.endpoint).not.toContain(modern.sessionId);
  });

  it("RESUME-3: a client that makes its own GETs is asked, although it names the version in its messages", async () => {
    const { sseUrl } = await serve();
    const accept = "*/*";
    const gateway = { ...asCaller(), "x-mcp-instance": "one", "user-agent": "node", accept };
    const left = await converse(sseUrl, gateway, COMES_BACK);
    left.stream.close();
    await left.stream.ended;
    const back = await openStream(sseUrl, gateway);
    await answer(await nextQuestion(back), left);
    expect((await back.nextEvent()).data).toBe(`${left.endpoint}&r=1`);
  });

  it("RESUME-4: a client that names a version when it comes first is not asked, nor are others of another program", async () => {
    const { sseUrl, lines } = await serve();
    const greeting = { ...asCaller(), ...COMES_BACK, "user-agent": "ai-sdk/2.0.99" };
    const official = await converse(sseUrl);
    const first = await converse(sseUrl, greeting);
    for (const { stream } of [official, first]) {
      stream.close();
      await stream.ended;
    }
    // One at each turn of a chat.
    for (let turn = 0; turn < 3; turn++) {
      const { stream } = await converse(sseUrl, greeting);
      expect(stream.bytes).not.toContain("-probe-");
      stream.close();
      await stream.ended;
    }
    expect(lines.filter((line) => line.includes("asked a client"))).toEqual([]);
  });

  it("RESUME-4: the log says that a client was asked, and what came of it", async () => {
    const served = await serve({ advanced: { probeMs: 100 } });
    const { left, stream, question } = await askedAbout(served);
    await answer(question, left);
    await stream.nextEvent();
    const mute = await openStream(served.sseUrl, { ...asCaller(), ...COMES_BACK });
    await nextQuestion(mute);
    jest.advanceTimersByTime(100);
    expect((await mute.nextEvent()).data).not.toContain(left.sessionId);
    const asked = served.lines.filter((line) => line.includes("asked a client"));
    expect(asked).toEqual([
      expect.stringMatching(`^debug: .*: ${left.sessionId} after \\d+ ms$`),
      expect.stringMatching(/^info: .*: no answer after \d+ ms$/),
    ]);
  });

  it("STOP-4: closeFor ends a stream whose client is being asked, and it becomes no session", async () => {
    const served = await serve();
    const { left, stream, question } = await askedAbout(served);
    const { principal } = served.sessions.get(left.sessionId)!;
    served.sessions.closeFor(principal);
    await stream.ended;
    expect(stream.bytes).toBe(`event: message\ndata: ${pingOf(question)}\n\n`);
    expect(served.sessions.size).toBe(0);
  });

  it("LIMIT-3: streams whose clients are being asked count like those on which nothing was posted", async () => {
    const served = await serve({ advanced: { maxUninitialized: 2 } });
    const facts = new Facts(served.sessions);
    const { left, stream, question } = await askedAbout(served);
    const others = [];
    for (let count = 0; count < 2; count++) {
      others.push(await openStream(served.sseUrl, { ...asCaller(), ...COMES_BACK }));
    }
    // The oldest has made room, and is to come again.
    await stream.ended;
    expect(stream.bytes).toBe(`event: message\ndata: ${pingOf(question)}\n\nretry: 1000\n\n`);
    expect(await facts.reached("maxUninitialized")).toMatchObject({ outcome: "ended" });
    expect(served.sessions.list().map(({ state }) => state)).toEqual([
      "detached",
      "opening",
      "opening",
    ]);
    const fresh = await openSession(served.sseUrl, asCaller());
    await others[0]!.ended;
    await answer(await nextQuestion(others[1]!), left);
    expect((await others[1]!.nextEvent()).data).toBe(`${left.endpoint}&r=1`);
    expect(fresh.endpoint).not.toContain(left.sessionId);
  });

  it("LIMIT-1, RESUME-4: a client finds its session although there is room for no other", async () => {
    const served = await serve({ sessions: { maxSessions: 1 }, advanced: { probeMs: 100 } });
    const { left, stream, question } = await askedAbout(served);
    await answer(question, left);
    expect((await stream.nextEvent()).data).toBe(`${left.endpoint}&r=1`);
    // Who has none is told to come again, and has taken no place.
    const bob = { ...asCaller({ sub: "bob" }), ...COMES_BACK };
    await (
      await openStream(served.sseUrl, bob)
    ).ended;
    expect(served.sessions.size).toBe(1);
  });
});

describeEveryMount((serve) => {
  it("RESUME-7: a call of a client that should have been back long ago fails at once, and its session waits on", async () => {
    const { sseUrl } = await serve();
    const { stream, postUrl, endpoint, headers, sessionId } = await converse(sseUrl);
    stream.close();
    await stream.ended;
    const call = (id: number) => post(postUrl, toolCall(id, "echo", { text: "away" }), headers);
    expect((await call(7)).status).toBe(202);
    const now = Date.now.bind(Date);
    // Ten times a second.
    const clock = jest.spyOn(Date, "now").mockImplementation(() => now() + 10_500);
    onDispose(() => clock.mockRestore());
    const refused = await call(8);
    expect([refused.status, refused.json.error.data.code]).toEqual([404, "session_closed"]);
    // What asks for no answer is taken.
    const cancelled = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 8 },
    };
    expect((await post(postUrl, cancelled, headers)).status).toBe(202);
    const back = await openStream(sseUrl, { ...asCaller(), "last-event-id": `${sessionId}:1` });
    expect((await back.nextEvent()).data).toBe(`${endpoint}&r=1`);
    expect(await back.nextMessage()).toMatchObject({ id: 7 });
    expect((await call(9)).status).toBe(202);
    expect(await back.nextMessage()).toMatchObject({ id: 9 });
  });

  it("RESUME-5: a session that waits for the answer to initialize is another client's if its GET differs", async () => {
    const { sseUrl, sessions } = await serve();
    const cut = async (url: string, headers: Record<string, string>) => {
      const opened = await openSession(url, headers);
      const isBegun = await post(opened.postUrl, initialize, asCaller());
      expect(isBegun.status).toBe(202);
      opened.stream.close();
      await opened.stream.ended;
      return opened;
    };
    const acme = { ...asCaller(), "x-workspace": "acme" };
    const first = await cut(`${sseUrl}?workspace=A`, acme);
    await detached(sessions, sessionIn(first.postUrl));
    const others: [string, Record<string, string>][] = [
      ["?workspace=B", acme],
      ["", acme],
      ["?workspace=A", { ...asCaller(), "x-workspace": "hobby" }],
      ["?workspace=A", asCaller()],
      ["?workspace=A", { ...acme, "user-agent": "another" }],
    ];
    for (const [query, headers] of others) {
      const other = await openSession(`${sseUrl}${query}`, headers);
      expect(other.endpoint).not.toContain(first.endpoint);
    }
    // The same again is its client, also with the cookie that it has been given meanwhile.
    const cookie = `mcp_resume=${sessionIn(first.postUrl)}`;
    const again = await openSession(`${sseUrl}?workspace=A`, { ...acme, cookie });
    expect(again.endpoint).toBe(`${first.endpoint}&r=1`);
  });
});

describe("a router at several mounts", () => {
  it("RESUME-4, RIGHTS-1: an answer at the URL of a session of another mount continues nothing", async () => {
    const { origin } = await serveRouter({
      advanced: { probeMs: 200 },
      after: (app, router) => app.use("/:tenant", router),
    });
    const acme = await converse(`${origin}/acme/sse`);
    const hobby = await converse(`${origin}/hobby/sse`);
    const stream = await openStream(`${origin}/hobby/sse`, { ...asCaller(), ...COMES_BACK });
    await answer(await nextQuestion(stream), acme);
    const { data } = await stream.nextEvent();
    expect(data).toMatch(/^\/hobby\//);
    expect([acme.sessionId, hobby.sessionId]).not.toContain(sessionIn(`${origin}${data}`));
    expect(await acme.call("echo", { text: "still here" })).toBe("still here");
  });
});

const sessionIn = (url: string): string => new URL(url).searchParams.get("sessionId") ?? "";

const pingOf = (id: unknown): string => JSON.stringify({ jsonrpc: "2.0", id, method: "ping" });

describe("a credential that is withdrawn", () => {
  it("STOP-4: opens no session if its server was being made", async () => {
    let keys = [{ key: KEY, id: "robot" }];
    const { sseUrl, sessions } = await serveRouter({
      auth: { type: "apikey", options: { keys: () => keys } },
      createServer: async () => {
        keys = [];
        return createToolServer();
      },
    });
    const refused = await openStream(sseUrl, { "x-api-key": KEY });
    await refused.ended;
    expect([refused.status, sessions.size]).toEqual([503, 0]);
  });

  it("STOP-4: opens no session if its client was being asked", async () => {
    let keys = [{ key: KEY, id: "robot" }];
    const served = await serveRouter({
      auth: { type: "apikey", options: { keys: () => keys } },
      advanced: { probeMs: 100 },
    });
    const { stream, question } = await askedAbout(served, { "x-api-key": KEY });
    keys = [];
    jest.advanceTimersByTime(100);
    await stream.ended;
    expect(stream.bytes).toBe(`event: message\ndata: ${pingOf(question)}\n\nretry: 1000\n\n`);
    expect(served.sessions.size).toBe(1);
  });
});
