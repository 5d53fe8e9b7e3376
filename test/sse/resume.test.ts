import { request } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Request } from "express";
import { signal, turn, until } from "../kit/waiting.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryMount, serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { send } from "../kit/raw-http.js";
import {
  initialize,
  initialized,
  openSession,
  openStream,
  post,
  toolCall,
} from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** What official clients send when they come back. */
const COMES_BACK = { "mcp-protocol-version": "2025-06-18" };
const bob = () => asCaller({ sub: "bob" });

/** Reads up to a ping whose id begins with a prefix, and answers it. */
async function answerPing(stream: RawStream, prefix: string, to: Conversation): Promise<void> {
  const pong = { jsonrpc: "2.0", id: await stream.nextPing(prefix), result: {} };
  expect((await post(to.postUrl, pong, to.headers)).status).toBe(202);
}

/** Leaves, and resolves when the server knows. */
async function leave({ stream }: Conversation): Promise<void> {
  stream.close();
  await stream.ended;
}

describeEveryMount((serve) => {
  it("RESUME-1, RESUME-9: Last-Event-ID continues behind the event that it names", async () => {
    const { sseUrl } = await serve();
    const first = await converse(sseUrl);
    await first.call("echo", { text: "one" });
    await first.call("echo", { text: "two" });
    await leave(first);
    await post(first.postUrl, toolCall(9, "echo", { text: "three" }), first.headers);
    const second = await openStream(sseUrl, {
      ...asCaller(),
      "last-event-id": `${first.sessionId}:2`,
    });
    const endpoint = await second.nextEvent();
    expect(endpoint).toEqual({
      event: "endpoint",
      id: `${first.sessionId}:2`,
      data: `${first.endpoint}&r=1`,
    });
    const events = [await second.nextEvent(), await second.nextEvent()];
    expect(events.map(({ id }) => id)).toEqual([`${first.sessionId}:3`, `${first.sessionId}:4`]);
    expect(events.map(({ data }) => /"text":"(\w+)"/.exec(data)?.[1])).toEqual(["two", "three"]);
  });

  it("RESUME-5: nobody continues another's session, whatever he names", async () => {
    const { sseUrl, sessions } = await serve();
    const alice = await converse(sseUrl);
    await alice.call("echo", { text: "of alice" });
    const names: Record<string, string>[] = [
      { "last-event-id": `${alice.sessionId}:0` },
      { cookie: `mcp_resume=${alice.sessionId}`, ...COMES_BACK },
    ];
    for (const name of names) {
      const stream = await openStream(sseUrl, { ...bob(), ...name });
      const { data } = await stream.nextEvent();
      expect(data).not.toContain(alice.sessionId);
      stream.close();
      await stream.ended;
      expect(stream.bytes).not.toContain("of alice");
    }
    expect(sessions.get(alice.sessionId)?.state).toBe("open");
    expect(await alice.call("echo", { text: "still here" })).toBe("still here");
  });

  it("RESUME-2: the cookie is for the stream's path, and not for browsers", async () => {
    const { sseUrl, base } = await serve();
    const plain = await openStream(sseUrl, asCaller());
    const [cookie = ""] = plain.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^mcp_resume=[0-9a-f-]{36}; /);
    expect(cookie).toContain(`; Path=${base}/sse; HttpOnly; SameSite=Lax`);
    const browser = await openStream(sseUrl, { ...asCaller(), "sec-fetch-site": "same-origin" });
    expect(browser.headers["set-cookie"]).toBeUndefined();
  });

  it("RESUME-4, RESUME-5: the mark alone is answered by a probe, and by no other event", async () => {
    const { sseUrl } = await serve();
    const one = await converse(sseUrl);
    const other = await converse(sseUrl);
    await leave(one);
    await leave(other);
    await post(one.postUrl, toolCall(9, "echo", { text: "late" }), one.headers);
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
    await answerPing(back, "express-mcp-sse-probe-", one);
    expect((await back.nextEvent()).data).toBe(`${one.endpoint}&r=1`);
    // What it may not have is all there is: that it has the answer to `initialize` it has said.
    const { id } = await back.nextMessage();
    expect(id).toBe(9);
  });

  it("RESUME-9: the newest message is sent again, however large it is", async () => {
    const { sseUrl } = await serve({ resume: { maxBufferedBytes: 1_000 } });
    const alice = await converse(sseUrl);
    await alice.call("echo", { text: "small" });
    await answerPing(alice.stream, "express-mcp-sse-ack-", alice);
    const text = "x".repeat(100_000);
    expect(await alice.call("echo", { text })).toBe(text);
    await leave(alice);
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
    await answerPing(back, "express-mcp-sse-probe-", alice);
    expect((await back.nextEvent()).data).toBe(`${alice.endpoint}&r=1`);
    expect(JSON.stringify(await back.nextMessage())).toContain(text);
  });

  it("RESUME-4, RESUME-9: a session is not continued as if nothing were missing", async () => {
    const { sseUrl, sessions } = await serve({ resume: { maxBufferedBytes: 1_000 } });
    const reason = new Promise((resolve) => sessions.on("closed", (_session, why) => resolve(why)));
    const alice = await converse(sseUrl);
    for (const [id, letter] of [
      [7, "a"],
      [8, "b"],
    ] as const) {
      const call = toolCall(id, "echo", { text: letter.repeat(2_000) });
      await post(alice.postUrl, call, alice.headers);
      // It is asked whether it has what is forgotten now, and does not say.
      while ((await alice.stream.nextMessage())["id"] !== id);
    }
    await leave(alice);
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
    await answerPing(back, "express-mcp-sse-probe-", alice);
    expect((await back.nextEvent()).data).not.toContain(alice.sessionId);
    expect(await reason).toBe("buffer-overflow");
  });

  it("RESUME-7, RESUME-8: calls are taken while nobody listens, until the grace is over", async () => {
    freezeTimers();
    const { sseUrl, sessions } = await serve({ resume: { graceMs: 1_000 } });
    const alice = await converse(sseUrl);
    const reason = new Promise((resolve) => sessions.on("closed", (_session, why) => resolve(why)));
    await leave(alice);
    const call = toolCall(9, "echo", { text: "away" });
    expect((await post(alice.postUrl, call, alice.headers)).status).toBe(202);
    jest.advanceTimersByTime(1_000);
    expect(await reason).toBe("grace-expired");
    const gone = await post(alice.postUrl, call, alice.headers);
    expect([gone.status, gone.json.error.data.code]).toEqual([404, "session_not_found"]);
  });

  it("RESUME-8: a session that received nothing ends with its stream", async () => {
    const { sseUrl, sessions } = await serve();
    const closed = new Promise((resolve) => sessions.on("closed", (_session, why) => resolve(why)));
    const stream = await openStream(sseUrl, asCaller());
    await stream.nextEvent();
    stream.close();
    expect(await closed).toBe("client-disconnected");
  });

  it("RESUME-14: a client whose session is gone is told by a 404 and an endpoint that it refuses, and nobody could read what is posted there", async () => {
    const { sseUrl, sessions } = await serve();
    const old = await converse(sseUrl);
    sessions.close(old.sessionId);
    await old.stream.ended;
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
    const { data } = await back.nextEvent();
    const url = new URL(data, sseUrl).href;
    const answer = await post(url, toolCall(3, "echo", { text: "as ever" }), asCaller());
    expect([answer.status, answer.json.error.data.code]).toEqual([404, "session_not_found"]);
    expect(await back.nextEvent()).toEqual({
      event: "endpoint",
      data: "https://session-expired.invalid/",
    });
    await back.ended;
    expect(sessions.size).toBe(0);
  });

  it("RESUME-14: and goes on if it begins anew, or if it is not to be closed", async () => {
    const { sseUrl } = await serve();
    const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
    const url = new URL((await back.nextEvent()).data, sseUrl).href;
    expect((await post(url, initialize, asCaller())).status).toBe(202);
    expect(await back.nextMessage()).toMatchObject({ id: initialize.id, result: {} });
    expect((await post(url, initialized, asCaller())).status).toBe(202);
  });
});

/** Marks that any client may carry which had a session before. */
const MARKS: [string, Record<string, string>][] = [
  ["the version header", COMES_BACK],
  ["Last-Event-ID", { "last-event-id": "0b6a1f3e-5a5e-4c2b-9d5e-0a1b2c3d4e5f:7" }],
  ["a cookie", { cookie: "mcp_resume=0b6a1f3e-5a5e-4c2b-9d5e-0a1b2c3d4e5f", ...COMES_BACK }],
];

describe("a client that comes back to a server that cannot take it", () => {
  it.each(MARKS)("RESUME-11: is told by 200 and retry to come again: %s", async (_name, marks) => {
    const { sseUrl } = await serveRouter({
      resume: { retryMs: 1234 },
      createServer: () => createToolServer(),
      sessions: { maxSessions: 1 },
    });
    await converse(sseUrl, bob());
    const later = await openStream(sseUrl, { ...asCaller(), ...marks });
    await later.ended;
    expect([later.status, later.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    expect(later.bytes).toBe("retry: 1234\n\n");
    const fresh = await send(sseUrl, { headers: asCaller() });
    expect([fresh.status, fresh.json.error]).toEqual([503, "server_full"]);
  });

  it.each(MARKS)(
    "RESUME-11: is told the same while its server cannot be made, and the log says why: %s",
    async (_name, marks) => {
      const { sseUrl, lines } = await serveRouter({
        createServer: () => {
          throw new Error("the database is away");
        },
      });
      const later = await openStream(sseUrl, { ...asCaller(), ...marks });
      await later.ended;
      expect([later.status, later.bytes]).toEqual([200, "retry: 1000\n\n"]);
      expect(lines.at(-1)).toMatch(/^error: .*GET.* 500 server_error: .*the database is away/);
    },
  );

  it.each(MARKS)("RESUME-11: but 401 is 401: %s", async (_name, marks) => {
    const { sseUrl } = await serveRouter();
    const answer = await send(sseUrl, { headers: { authorization: "Bearer x", ...marks } });
    expect(answer.status).toBe(401);
  });

  it("RESUME-11: without resumption it hears what everybody hears", async () => {
    const { sseUrl } = await serveRouter({ resume: false, sessions: { maxSessions: 1 } });
    await converse(sseUrl, bob());
    const answer = await send(sseUrl, { headers: { ...asCaller(), ...COMES_BACK } });
    expect(answer.status).toBe(503);
  });
});

describe("a GET whose client has left while it was authenticated", () => {
  it("RESUME-6: takes the place of no stream that was opened since", async () => {
    const held = signal();
    const asked = signal();
    const closed = signal();
    let verify = async (): Promise<{ id: string }> => ({ id: "robot" });
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { verify: () => verify() } },
      before: [
        (req, res, next) => {
          if (req.headers["x-abandoned"] !== undefined) res.on("close", closed.resolve);
          next();
        },
      ],
    });
    const headers = { "x-api-key": "an-api-key-0123456789" };
    const first = await converse(sseUrl, headers);
    const comeBack = { ...headers, "last-event-id": `${first.sessionId}:1` };
    verify = async () => {
      asked.resolve();
      await held.promise;
      return { id: "robot" };
    };
    const abandoned = request(sseUrl, { headers: { ...comeBack, "x-abandoned": "1" } });
    abandoned.on("error", () => undefined).end();
    await asked.promise;
    abandoned.destroy();
    await closed.promise;
    verify = async () => ({ id: "robot" });
    const second = await openStream(sseUrl, comeBack);
    await second.nextEvent();
    held.resolve();
    await post(first.postUrl, toolCall(9, "echo", { text: "here" }), headers);
    expect(await second.nextMessage()).toMatchObject({ id: 9 });
  });
});

describe("a client process with a name", () => {
  const named = () => ({ ...asCaller(), "x-mcp-instance": "one", "user-agent": "node" });

  it("RESUME-3: does not get a session that is still being opened", async () => {
    const asked = signal();
    const held = signal();
    let made = 0;
    const { sseUrl } = await serveRouter({
      createServer: async () => {
        asked.resolve();
        if (++made === 1) await held.promise;
        return createToolServer();
      },
    });
    // Cut off by a proxy, say: its client has tried again, and the server does not know.
    const halfOpen = openStream(sseUrl, named());
    await asked.promise;
    const conversation = await converse(sseUrl, named());
    held.resolve();
    expect((await (await halfOpen).nextEvent()).data).not.toContain(conversation.sessionId);
    expect(await conversation.call("echo", { text: "here" })).toBe("here");
  });

  it("RESUME-3: gets no session that it opened at another path", async () => {
    const { origin } = await serveRouter({
      after: (app, router) => app.use("/:tenant", router),
      createServer: ({ request }) => {
        const { tenant } = (request as Request).params;
        const server = new McpServer({ name: "tenants", version: "1.0.0" });
        server.registerTool("tenant", {}, () => ({
          content: [{ type: "text", text: String(tenant) }],
        }));
        return server;
      },
    });
    const acme = await converse(`${origin}/acme/sse`, named());
    const globex = await converse(`${origin}/globex/sse`, named());
    expect(globex.sessionId).not.toBe(acme.sessionId);
    expect(await globex.call("tenant")).toBe("globex");
    await leave(acme);
    const back = await openStream(`${origin}/acme/sse`, named());
    await answerPing(back, "express-mcp-sse-probe-", acme);
    expect((await back.nextEvent()).data).toBe(`${acme.endpoint}&r=1`);
  });
});

describe("on an open endpoint, where strangers are one caller", () => {
  it("RESUME-5: nobody gets another's session because it waits", async () => {
    const { sseUrl, sessions } = await serveRouter({ auth: false });
    const victim = await openSession(sseUrl);
    await post(victim.postUrl, initialize);
    victim.stream.close();
    while (sessions.list()[0]?.state !== "detached") await turn();
    const stranger = await openSession(sseUrl);
    expect(stranger.endpoint.split("&")[0]).not.toBe(victim.endpoint);
    const victimAgain = { "last-event-id": `${victim.endpoint.split("=")[1]}:0` };
    const back = await openStream(sseUrl, victimAgain);
    expect((await back.nextEvent()).data).toBe(`${victim.endpoint}&r=1`);
    expect(await back.nextMessage()).toMatchObject({ id: initialize.id });
  });

  it("RESUME-3: nobody gets another's session because he guesses its name", async () => {
    const { sseUrl } = await serveRouter({ auth: false });
    const named = { "x-mcp-instance": "laptop" };
    const victim = await converse(sseUrl, named);
    const stranger = await openSession(sseUrl, named);
    expect(stranger.endpoint).not.toContain(victim.sessionId);
    expect(await victim.call("echo", { text: "mine" })).toBe("mine");
  });
});

it("RESUME-1: a stream does not go on with a session that is still being opened, whose id only its server can know", async () => {
  const ids: string[] = [];
  const [isAsked, mayOpen] = [signal(), signal()];
  const { sseUrl } = await serveRouter({
    createServer: async ({ id }) => {
      ids.push(id);
      isAsked.resolve();
      await mayOpen.promise;
      return createToolServer();
    },
  });
  const first = openSession(sseUrl, asCaller());
  await isAsked.promise;
  const second = openSession(sseUrl, { ...asCaller(), "last-event-id": `${ids[0]!}:0` });
  await until(() => ids.length === 2);
  mayOpen.resolve();
  const endpoints = [(await first).endpoint, (await second).endpoint];
  expect(endpoints.map((path) => path.replace(/.*sessionId=/, ""))).toEqual(ids);
  expect(ids[0]).not.toBe(ids[1]);
});
