import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { toolCall } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, serveMcp, textOf } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const note = (data: unknown) => ({
  method: "notifications/message" as const,
  params: { level: "info" as const, data },
});

/** A server that says what a test tells it to, in a call and outside. */
async function serve(options: ServeMcpOptions = {}) {
  const server = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  const said = signal();
  const go = signal();
  const tell = { go: go.resolve, said: said.promise };
  server.registerTool("talk", {}, async ({ sendNotification }) => {
    for (const data of ["one", "two"]) await sendNotification(note(data));
    said.resolve();
    await go.promise;
    await sendNotification(note("three"));
    return { content: [{ type: "text", text: "done" }] };
  });
  const served = await serveMcp({ createServer: () => server, ...options });
  const announce = (data: unknown) => server.server.notification(note(data));
  return { ...served, announce, tell, server };
}

/** The data of notifications, the text of an answer, and the ids of both. */
async function read(stream: RawStream, count: number) {
  const events: { id: string; said: string }[] = [];
  while (events.length < count) {
    const { id, data } = await stream.nextEvent();
    if (data === "") continue;
    const message = JSON.parse(data);
    events.push({ id: id!, said: message.params?.data ?? textOf(message) });
  }
  return events;
}

const said = (events: Awaited<ReturnType<typeof read>>) => events.map((event) => event.said);

describe("a call whose stream was cut", () => {
  it("STREAMABLE-10, STREAMABLE-12: goes on, and its client gets the rest behind its last event", async () => {
    const { mcpUrl, tell, router } = await serve();
    const client = await begin(mcpUrl);
    const cut = await client.stream(toolCall(2, "talk"));
    const [first] = await read(cut, 2);
    cut.close();
    await cut.ended;
    tell.go();
    await until(() => router.sessions.get(client.sessionId)?.inFlight === 0);
    // It had the second as well, and says that it has the first: it gets it again.
    const resumed = await client.listen(first!.id);
    expect(said(await read(resumed, 3))).toEqual(["two", "three", "done"]);
    await resumed.ended;
  });

  it("STREAMABLE-10: can be resumed while it runs, and as often as it is cut", async () => {
    const { mcpUrl, tell } = await serve();
    const client = await begin(mcpUrl);
    let stream = await client.stream(toolCall(2, "talk"));
    let [last] = (await read(stream, 2)).slice(-1);
    for (let times = 0; times < 3; times++) {
      stream.close();
      stream = await client.listen(last!.id);
    }
    tell.go();
    expect(said(await read(stream, 2))).toEqual(["three", "done"]);
    await stream.ended;
    // Whoever has all of it hears that nothing more comes.
    [last] = [{ id: last!.id.replace(/\d+$/, "4"), said: "" }];
    expect((await client.listen(last.id)).status).toBe(204);
  });

  it("STREAMABLE-11: gives a client of 2025-11-25 an id before there is a message, and no older one", async () => {
    const { mcpUrl } = await serve({ streamable: { sseAfterMs: 0 } });
    const client = await begin(mcpUrl);
    const stream = await client.stream(toolCall(2, "talk"));
    const priming = await stream.nextEvent();
    expect(priming).toMatchObject({
      data: "",
      id: `${client.sessionId}.${priming.id!.split(".")[1]}.0`,
    });
    expect(stream.bytes).toMatch(/^id: [\w.-]+\nretry: 1000\ndata: \n\n/);
    stream.close();
    expect(said(await read(await client.listen(priming.id), 2))).toEqual(["one", "two"]);
    const old = await begin((await serve()).mcpUrl, asCaller(), "2025-06-18");
    const oldStream = await old.stream(toolCall(2, "talk"));
    expect(said(await read(oldStream, 2))).toEqual(["one", "two"]);
    expect(oldStream.bytes).not.toContain("data: \n");
    expect(oldStream.bytes).toMatch(/^id: [\w.-]+\.1\nevent: message\n/);
  });
});

it("STREAMABLE-22: a tool may end its stream while it works, and its client comes back for the answer", async () => {
  const server = new McpServer({ name: "s", version: "1" });
  const { promise: asked, resolve: ask } = signal();
  server.registerTool("poll", {}, async ({ closeSSEStream, closeStandaloneSSEStream }) => {
    closeSSEStream?.();
    closeStandaloneSSEStream?.();
    await asked;
    return { content: [{ type: "text", text: closeSSEStream === undefined ? "cannot" : "later" }] };
  });
  const { mcpUrl } = await serveMcp({ createServer: () => server });
  const client = await begin(mcpUrl);
  const get = await client.listen();
  const cut = await client.stream(toolCall(2, "poll"));
  const { id } = await cut.nextEvent();
  await Promise.all([cut.ended, get.ended]);
  for (const { bytes } of [cut, get]) expect(bytes).toMatch(/retry: 1000\n\n$/);
  const resumed = await client.listen(id);
  ask();
  expect(said(await read(resumed, 1))).toEqual(["later"]);
  const old = { "mcp-protocol-version": "2025-06-18" };
  expect(textOf((await client.post(toolCall(3, "poll"), old)).json)).toBe("cannot");
});

describe("the stream of a GET", () => {
  it("STREAMABLE-10: goes on behind the last event, with all that was sent meanwhile", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    const cut = await client.listen();
    await announce("one");
    await announce("two");
    const [first] = await read(cut, 2);
    cut.close();
    await announce("three");
    const again = await client.listen(first!.id);
    expect(said(await read(again, 2))).toEqual(["two", "three"]);
  });

  it("STREAMABLE-7: is the newest one; one before stays, hears nothing, and ends with it, invited to come back", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    const first = await client.listen();
    const { id } = await first.nextEvent();
    const second = await client.listen();
    await announce("for the newest");
    expect(said(await read(second, 1))).toEqual(["for the newest"]);
    second.close();
    await first.ended;
    expect(first.bytes).toMatch(/^id: [\w.-]+\nretry: 1000\ndata: \n\nretry: 1000\n\n$/);
    await announce("for whoever comes back");
    const back = await client.listen(id);
    expect(said(await read(back, 2))).toEqual(["for the newest", "for whoever comes back"]);
  });

  it("STREAMABLE-7, STREAMABLE-18: those before end with the session, and one that leaves ends no other", async () => {
    const { mcpUrl, router } = await serve();
    const client = await begin(mcpUrl);
    const all = [await client.listen(), await client.listen(), await client.listen()];
    // One that leaves by itself ends no other.
    all[1]!.close();
    await all[2]!.nextEvent();
    router.sessions.close(client.sessionId);
    await Promise.all(all.map(({ ended }) => ended));
  });

  it("STREAMABLE-7: one before that has not taken what was sent on it ends", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    const first = await client.listen();
    first.pause();
    for (let count = 0; count < 20; count++) {
      announce("x".repeat(1024 * 1024)).catch(() => undefined);
    }
    await (await client.listen()).nextEvent();
    first.resume();
    await first.ended;
    expect(first.bytes.length).toBeLessThan(20 * 1024 * 1024);
  });

  it("STREAMABLE-7: beside the newest there are fifteen; then the oldest ends, without an invitation", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    const all = [];
    for (let count = 0; count < 17; count++) all.push(await client.listen());
    await all[0]!.ended;
    expect(all[0]!.bytes).toMatch(/data: \n\n$/);
    await announce("for the newest");
    expect(said(await read(all[16]!, 1))).toEqual(["for the newest"]);
    all[16]!.close();
    await Promise.all(all.map(({ ended }) => ended));
    for (const { bytes } of all.slice(1, 16)) expect(bytes).toMatch(/\n\nretry: 1000\n\n$/);
  });

  it("STREAMABLE-7: a client that got no id has missed all of it", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    (await client.listen()).close();
    await announce("one");
    expect(said(await read(await client.listen(), 1))).toEqual(["one"]);
  });

  it("STREAMABLE-10: takes no event id that is none of the session's", async () => {
    const { mcpUrl, announce } = await serve();
    const client = await begin(mcpUrl);
    const other = await begin((await serve()).mcpUrl);
    const get = await client.listen();
    await announce("one");
    const [event] = await read(get, 1);
    const id = event!.id;
    for (const bad of [
      id.replace(client.sessionId, other.sessionId),
      id.replace(/\.\d+\.(\d+)$/, ".9.$1"),
      id.replace(/\d+$/, "99"),
      `${client.sessionId}:1`,
      "nonsense",
      "",
      `${client.sessionId}.0.1e3`,
    ]) {
      const { status } = await client.listen(bad);
      expect([bad, status]).toEqual([bad, 400]);
    }
    // Neither does another user get anywhere with a good one.
    const bob = { ...client.headers, ...asCaller({ sub: "bob" }), "last-event-id": id };
    expect((await client.listen(id, bob)).status).toBe(404);
    // Nothing has happened to the stream that there is.
    await announce("two");
    expect(said(await read(get, 1))).toEqual(["two"]);
  });

  it("STREAMABLE-10: a request of the server that was answered is not repeated", async () => {
    const { mcpUrl, server } = await serve();
    const client = await begin(mcpUrl);
    const get = await client.listen();
    const pinged = server.server.ping();
    let event = await get.nextEvent();
    const priming = event.id;
    event = await get.nextEvent();
    const { id } = JSON.parse(event.data);
    await client.post({ jsonrpc: "2.0", id, result: {} });
    await pinged;
    get.close();
    const again = await client.listen(priming);
    const rest = server.server.notification(note("after"));
    await rest;
    expect(said(await read(again, 1))).toEqual(["after"]);
  });
});

describe("what is kept", () => {
  const small = { resume: { maxBufferedBytes: 4_000 } };
  const large = (name: string) => name.padEnd(1_000, ".");

  it("STREAMABLE-13: has a bound, and messages that nobody comes for are dropped, oldest first", async () => {
    const { mcpUrl, announce, router } = await serve(small);
    const facts = new Facts(router.sessions);
    const client = await begin(mcpUrl);
    for (let n = 1; n <= 8; n++) await announce(large(`${n}`));
    expect(facts.limited).toContainEqual(
      expect.objectContaining({ limit: "maxBufferedBytes", outcome: "dropped" }),
    );
    const kept = said(await read(await client.listen(), 3));
    expect(kept).toEqual([large("6"), large("7"), large("8")]);
    expect(router.sessions.get(client.sessionId)?.state).toBe("open");
  });

  it("STREAMABLE-13: forgets what has left, and tells a client that wants it that it is gone", async () => {
    const { mcpUrl, announce, router } = await serve(small);
    const facts = new Facts(router.sessions);
    const client = await begin(mcpUrl);
    const get = await client.listen();
    for (let n = 1; n <= 8; n++) await announce(large(`${n}`));
    const events = await read(get, 8);
    get.close();
    expect((await client.listen(events[0]!.id)).status).toBe(400);
    expect(said(await read(await client.listen(events[6]!.id), 1))).toEqual([large("8")]);
    expect(facts.limited).toEqual([]);
  });

  it("STREAMABLE-13: is given up resume.graceMs after it has left", async () => {
    const { mcpUrl, announce, tell } = await serve();
    const client = await begin(mcpUrl);
    freezeTimers();
    const get = await client.listen();
    await announce("one");
    const call = await client.stream(toolCall(2, "talk"));
    tell.go();
    const events = await read(call, 4);
    await call.ended;
    await read(get, 1);
    const gone = (async () => {
      for (;;) {
        const { status } = await client.listen(events[0]!.id);
        if (status === 400) return true;
      }
    })();
    expect(await turnClock(1_000, gone)).toBe(true);
  });

  it("STREAMABLE-13: is nothing with resume: false", async () => {
    const { mcpUrl, announce, tell, server } = await serve({ resume: false });
    const client = await begin(mcpUrl);
    const stream = await client.stream(toolCall(2, "talk"));
    await stream.nextMessage();
    await stream.nextMessage();
    expect(stream.bytes).not.toMatch(/^id:/m);
    tell.go();
    await stream.ended;
    expect(stream.bytes).toContain("done");
    await announce("for nobody");
    await expect(server.server.ping()).rejects.toThrow("no stream");
    const get = await client.listen();
    await announce("heard");
    expect((await get.nextMessage())["params"]).toMatchObject({ data: "heard" });
  });
});

it("STREAMABLE-17, RESUME-13: when its credential ends, the GET ends, a call is answered, and a new credential goes on", async () => {
  const { mcpUrl, announce, tell, router } = await serve();
  const now = Math.floor(Date.now() / 1000);
  freezeTimers();
  const client = await begin(mcpUrl, asCaller({ exp: now + 60 }));
  const get = await client.listen();
  const call = await client.stream(toolCall(2, "talk"));
  await read(call, 2);
  await turnClock(1_000, get.ended);
  expect(get.bytes).toMatch(/retry: 1000\n\n$/);
  // What belongs to no call is not said on the call's stream, which began with the old credential.
  await announce("for later");
  expect((await client.post(toolCall(3, "talk"))).status).toBe(401);
  expect((await client.listen()).status).toBe(401);
  tell.go();
  expect(said(await read(call, 2))).toEqual(["three", "done"]);
  const renewed = { ...client.headers, ...asCaller({ exp: now + 3_600 }) };
  const again = await client.listen(undefined, renewed);
  expect(said(await read(again, 1))).toEqual(["for later"]);
  expect(router.sessions.get(client.sessionId)?.state).toBe("open");
  // From then on the session has the new one, and what comes with it ends with it.
  await turnClock(60_000, again.ended);
  expect(Date.now()).toBeGreaterThanOrEqual((now + 3_600) * 1_000);
  // Not first when it was idle for a day.
  expect(Date.now()).toBeLessThan((now + 36_000) * 1_000);
});
