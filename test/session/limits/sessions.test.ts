import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { describeEveryMount, serveMcpServer, serveRouter } from "../../kit/serve.js";
import { HeldTool } from "../../kit/tools.js";
import type { ServeOptions } from "../../kit/serve.js";
import { secret } from "../../kit/leak-watch.js";
import { send } from "../../kit/raw-http.js";
import { initialize, openSession, openStream, post, toolCall } from "../../kit/raw-sse.js";
import { Facts } from "../../kit/session-facts.js";
import { signal } from "../../kit/waiting.js";

cleanUpAfterEach();

const alice = () => asCaller();
const bob = () => asCaller({ sub: "bob" });

describeEveryMount((serve) => {
  it("LIMIT-3: who is pushed out while being let in hears when to come back", async () => {
    const known = signal();
    let asked = 0;
    const verify = async (): Promise<{ id: string }> => {
      if (++asked === 2) known.resolve();
      await known.promise;
      return { id: "alice" };
    };
    const { sseUrl, sessions } = await serve({
      auth: { type: "apikey", options: { verify } },
      advanced: { maxUninitialized: 1 },
    });
    const headers = { "x-api-key": secret("key-of-alice") };
    const answers = await Promise.all([openStream(sseUrl, headers), openStream(sseUrl, headers)]);
    const outcomes = answers.map((answer) => [answer.status, answer.headers["retry-after"]]);
    expect(outcomes.sort()).toEqual([
      [200, undefined],
      [503, "5"],
    ]);
    expect(sessions.size).toBe(1);
  });

  it("LIMIT-2: a principal's oldest idle session makes room, and its client may come back", async () => {
    const { sseUrl, sessions } = await serve({
      sessions: { maxSessionsPerPrincipal: 2 },
      resume: { retryMs: 77 },
    });
    const facts = new Facts(sessions);
    const first = await converse(sseUrl);
    const second = await converse(sseUrl);
    const other = await converse(sseUrl, bob());
    await first.call("echo", { text: "used more recently" });
    const third = await converse(sseUrl);
    expect(await facts.reasonOf(second.sessionId)).toBe("made-room");
    await second.stream.ended;
    expect(second.stream.bytes.endsWith("retry: 77\n\n")).toBe(true);
    expect((await post(second.postUrl, initialize, alice())).status).toBe(404);
    for (const { call } of [first, third, other].map((one) => ({ call: one.call.bind(one) }))) {
      expect(await call("echo", { text: "alive" })).toBe("alive");
    }
    const [fact] = facts.limited;
    expect(fact).toMatchObject({
      limit: "maxSessionsPerPrincipal",
      outcome: "ended",
      principal: { id: "alice" },
    });
    expect(fact?.session?.id).toBe(second.sessionId);
    expect(sessions.size).toBe(3);
  });

  it("LIMIT-3: a stream that has not begun uses up no session, and the oldest makes room", async () => {
    const { sseUrl, sessions } = await serve({
      sessions: { maxSessionsPerPrincipal: 1, maxSessions: 1 },
      advanced: { maxUninitialized: 2 },
    });
    const facts = new Facts(sessions);
    const oldest = await openStream(sseUrl, alice());
    await oldest.nextEvent();
    await openStream(sseUrl, alice());
    const conversation = await converse(sseUrl);
    await oldest.ended;
    expect(oldest.bytes).toMatch(/retry: \d+\n\n$/);
    expect(facts.limited).toMatchObject([{ limit: "maxUninitialized", outcome: "ended" }]);
    expect(await conversation.call("echo", { text: "begun" })).toBe("begun");
  });
});

describe("a full server", () => {
  it("LIMIT-1: refuses whoever has nothing to give up: 503 with Retry-After", async () => {
    const { sseUrl, sessions } = await serveRouter({ sessions: { maxSessions: 1 } });
    const facts = new Facts(sessions);
    const conversation = await converse(sseUrl);
    const answer = await send(sseUrl, { headers: bob() });
    expect([answer.status, answer.json.error]).toEqual([503, "server_full"]);
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(facts.limited).toMatchObject([
      { limit: "maxSessions", outcome: "refused", principal: { id: "bob" } },
    ]);
    // Nobody was pushed out; and the caller's own session may be.
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
    await converse(sseUrl);
    expect(await facts.reasonOf(conversation.sessionId)).toBe("made-room");
  });

  it("LIMIT-1: is full for those who opened their streams in time, but did not begin", async () => {
    const { sseUrl } = await serveRouter({ sessions: { maxSessions: 1 } });
    const late = await openSession(sseUrl, bob());
    await converse(sseUrl);
    const answer = await post(late.postUrl, initialize, bob());
    expect(answer.status).toBe(503);
    expect(answer.json.error.data.code).toBe("server_full");
    expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  });

  it("LIMIT-7: tells a client that comes back to come again", async () => {
    const { sseUrl } = await serveRouter({
      sessions: { maxSessions: 1 },
      resume: { retryMs: 77 },
    });
    await converse(sseUrl);
    const headers = { ...bob(), "mcp-protocol-version": "2025-06-18" };
    const stream = await openStream(sseUrl, headers);
    await stream.ended;
    expect([stream.status, stream.bytes]).toEqual([200, "retry: 77\n\n"]);
  });
});

it("LIMIT-2: a principal whose sessions are all in use gets 429 with Retry-After", async () => {
  const tool = new HeldTool();
  const { sseUrl, sessions } = await serveRouter({
    sessions: { maxSessionsPerPrincipal: 1 },
    createServer: () => tool.createServer(),
  });
  const facts = new Facts(sessions);
  const late = await openSession(sseUrl, alice());
  const busy = await converse(sseUrl);
  const answer = busy.call("held");
  await tool.started;
  const get = await send(sseUrl, { headers: alice() });
  expect([get.status, get.json.error]).toEqual([429, "too_many_sessions"]);
  expect(get.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
  const begun = await post(late.postUrl, initialize, alice());
  expect([begun.status, begun.json.error.data.code]).toEqual([429, "too_many_sessions"]);
  expect(facts.limited.map(({ outcome }) => outcome)).toEqual(["refused", "refused"]);
  expect((await send(sseUrl, { headers: bob() })).status).toBe(200);
  tool.release();
  expect(await answer).toBe("released");
});

it("LIMIT-2: a session with an answer for a client that is away is kept until a newcomer begins", async () => {
  const tool = new HeldTool();
  const { sseUrl, sessions } = await serveRouter({
    sessions: { maxSessionsPerPrincipal: 1 },
    createServer: () => tool.createServer(),
  });
  const { stream, postUrl, sessionId } = await converse(sseUrl);
  await post(postUrl, toolCall(5, "held"), alice());
  await tool.started;
  stream.close();
  tool.release();
  while (sessions.get(sessionId)?.inFlight !== 0) await new Promise(setImmediate);
  const newcomer = await openSession(sseUrl, alice());
  const again = await openStream(sseUrl, { ...alice(), "last-event-id": `${sessionId}:0` });
  const texts = [await again.nextEvent(), await again.nextEvent(), await again.nextEvent()];
  expect(texts.map(({ data }) => data).join()).toContain("released");
  // Now it is there, and idle.
  expect((await post(newcomer.postUrl, initialize, alice())).status).toBe(202);
  await again.ended;
});

it("LIMIT-8: too many calls in flight are 429, and answers and notifications are taken", async () => {
  const tool = new HeldTool();
  const { sseUrl, sessions } = await serveRouter({
    sessions: { maxInFlight: 2 },
    createServer: () => tool.createServer(),
  });
  const facts = new Facts(sessions);
  const { postUrl, stream } = await converse(sseUrl);
  const call = (id: number) => post(postUrl, toolCall(id, "held"), alice());
  expect((await call(5)).status).toBe(202);
  // One id used twice is two calls.
  expect((await call(5)).status).toBe(202);
  const refused = await call(6);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(refused.json).toMatchObject({ id: null, error: { data: { code: "too_many_calls" } } });
  expect(facts.limited).toMatchObject([{ limit: "maxInFlight", outcome: "refused" }]);
  for (const free of [
    { jsonrpc: "2.0", method: "notifications/roots/list_changed" },
    { jsonrpc: "2.0", id: 77, result: {} },
    { jsonrpc: "2.0", id: 78, error: { code: 1, message: "no" } },
  ]) {
    expect((await post(postUrl, free, alice())).status).toBe(202);
  }
  tool.release();
  expect([(await stream.nextMessage())["id"], (await stream.nextMessage())["id"]]).toEqual([5, 5]);
  expect((await call(6)).status).toBe(202);
});

it("LIMIT-9: a body that is too large is announced", async () => {
  const { sseUrl, sessions } = await serveRouter({ maxMessageSize: 1000 });
  const facts = new Facts(sessions);
  const { postUrl, sessionId } = await converse(sseUrl);
  const large = toolCall(5, "echo", { text: "x".repeat(1000) });
  expect((await post(postUrl, large, alice())).status).toBe(413);
  const fact = await facts.reached("maxMessageSize");
  expect([fact.outcome, fact.session?.id]).toEqual(["refused", sessionId]);
});

describe("the header of a request to MCPServer", () => {
  it.each([
    [undefined, 128 * 1024],
    ["20kb", 20 * 1024],
    [1000, 1000],
  ])("LIMIT-10: may be as large as maxHeaderSize %p", async (maxHeaderSize, bytes) => {
    const options = maxHeaderSize === undefined ? {} : { maxHeaderSize };
    const { sseUrl, sessions } = await serveMcpServer(options as ServeOptions);
    const facts = new Facts(sessions);
    const padded = (size: number) => ({ headers: { ...alice(), "x-padding": "x".repeat(size) } });
    expect((await send(sseUrl, padded(bytes - 800))).status).toBe(200);
    expect((await send(sseUrl, padded(bytes + 1))).status).toBe(431);
    expect(await facts.reached("maxHeaderSize")).toEqual({
      limit: "maxHeaderSize",
      outcome: "refused",
    });
  });
});
