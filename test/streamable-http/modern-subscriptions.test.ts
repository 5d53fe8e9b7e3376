import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import {
  connectV2,
  createModernServer,
  Held,
  headersOf,
  listenTo,
  modernCall,
  modernRequest,
  postModern,
} from "../kit/modern.js";
import { Facts } from "../kit/session-facts.js";
import { postForStream, serveMcp, textOf } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { now } from "../kit/tokens.js";
import { isSettled, signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const serve = (options: ServeMcpOptions = {}) =>
  serveMcp({ createServer: () => createModernServer(), ...options });

const alice = asCaller({ sub: "alice" });
const bob = asCaller({ sub: "bob" });

const NOTE = { resourceSubscriptions: ["note://alice", "note://bob"] };
const EVERYTHING = { toolsListChanged: true, ...NOTE };

/** What a subscriber hears next, in short. */
async function heard(stream: Awaited<ReturnType<typeof listenTo>>): Promise<unknown> {
  const { method, params } = await stream.nextMessage();
  return (params as { uri?: string }).uri ?? method;
}

const TOOLS = "notifications/tools/list_changed";

it("MODERN-11: a principal hears what is meant for it and never another's", async () => {
  const { mcpUrl, router } = await serve();
  const [hers, his] = [
    await listenTo(mcpUrl, EVERYTHING, alice),
    await listenTo(mcpUrl, EVERYTHING, bob),
  ];
  router.notify.resourceUpdated("note://alice", (principal) => principal?.id === "alice");
  router.notify.resourceUpdated("note://bob", (principal) => principal?.id === "bob");
  router.notify.toolsChanged();
  expect([await heard(hers), await heard(hers)]).toEqual(["note://alice", TOOLS]);
  expect([await heard(his), await heard(his)]).toEqual(["note://bob", TOOLS]);
});

it("MODERN-11: a change is told to a principal itself, whichever credential it came with", async () => {
  let principal;
  const { mcpUrl, router } = await serve({
    createServer: (session) => {
      if (session.principal.id === "alice") principal = session.principal;
      return createModernServer();
    },
  });
  const hers = [1, 2].map((jti) =>
    listenTo(mcpUrl, EVERYTHING, asCaller({ sub: "alice", jti: `${jti}` })),
  );
  const streams = await Promise.all(hers);
  const his = await listenTo(mcpUrl, EVERYTHING, bob);
  router.notify.toolsChanged(principal);
  for (const stream of streams) expect(await heard(stream)).toBe(TOOLS);
  router.notify.resourceUpdated("note://bob");
  expect(await heard(his)).toBe("note://bob");
});

it("MODERN-11: mayHear has the last word, and only true lets somebody hear", async () => {
  const { mcpUrl, router, lines } = await serve({
    streamable: {
      mayHear: (principal, event) => {
        if (event.kind !== "resource_updated") return true;
        if (event.uri === "note://bob") throw new Error("no database");
        // Users without TypeScript return promises.
        if (principal?.id === "bob") return Promise.resolve(true) as never;
        return event.uri === `note://${principal?.id}`;
      },
    },
  });
  const [hers, his] = [
    await listenTo(mcpUrl, EVERYTHING, alice),
    await listenTo(mcpUrl, EVERYTHING, bob),
  ];
  router.notify.resourceUpdated("note://alice");
  router.notify.resourceUpdated("note://bob");
  router.notify.toolsChanged();
  expect([await heard(hers), await heard(hers)]).toEqual(["note://alice", TOOLS]);
  expect(await heard(his)).toBe(TOOLS);
  expect(lines.filter((line) => line.includes("mayHear"))).not.toEqual([]);
});

it("MODERN-11: SDK v2's client hears what it asked for, and nothing else", async () => {
  const { mcpUrl, router } = await serve();
  const client = await connectV2(mcpUrl, "auto");
  const uris: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    uris.push(params.uri);
  });
  const subscription = await client.listen({ resourceSubscriptions: ["note://alice"] });
  router.notify.toolsChanged();
  router.notify.resourceUpdated("note://bob");
  router.notify.resourceUpdated("note://alice");
  await until(() => uris.length > 0);
  expect(uris).toEqual(["note://alice"]);
  await router.close();
  expect(await subscription.closed).toBe("graceful");
});

it("MODERN-12: for one subscription too many a principal's oldest ends, and nobody else's", async () => {
  const { mcpUrl, router } = await serve({ streamable: { maxSubscriptionsPerPrincipal: 2 } });
  const facts = new Facts(router.sessions);
  const his = await listenTo(mcpUrl, EVERYTHING, bob);
  const hers = [];
  for (const id of ["a", "b", "c"]) hers.push(await listenTo(mcpUrl, EVERYTHING, alice, id));
  const end = await hers[0]!.nextMessage();
  expect(end).toMatchObject({ id: "a", result: { resultType: "complete" } });
  await hers[0]!.ended;
  expect(await facts.reached("maxSubscriptionsPerPrincipal")).toMatchObject({ outcome: "ended" });
  router.notify.toolsChanged();
  for (const stream of [his, hers[1]!, hers[2]!]) expect(await heard(stream)).toBe(TOOLS);
});

it("MODERN-12: of everybody there are as many subscriptions as sessions", async () => {
  const { mcpUrl } = await serve({ auth: false, sessions: { maxSessions: 2 } });
  const streams = [await listenTo(mcpUrl, EVERYTHING, {}), await listenTo(mcpUrl, EVERYTHING, {})];
  const message = modernRequest(1, "subscriptions/listen", { notifications: EVERYTHING });
  expect((await postModern(mcpUrl, message, {})).status).toBe(503);
  streams[0]!.close();
  await until(async () => (await postModern(mcpUrl, message, {})).status === 200);
});

it("MODERN-13: a subscription ends with its credential, and a call is answered all the same", async () => {
  const held = new Held();
  const { mcpUrl } = await serve({
    createServer: () => createModernServer(held),
    // One request is no conversation that could be idle, or never begin.
    sessions: { initTimeoutMs: 10_000, idleMs: 10_000 },
    streamable: { streamlessIdleMs: 10_000 },
  });
  freezeTimers();
  const exp = now() + 60;
  const short = asCaller({ sub: "alice", exp });
  const stream = await listenTo(mcpUrl, EVERYTHING, short);
  const call = postModern(mcpUrl, modernCall(7, "held"), short);
  await held.started.promise;
  await turnClock(1_000, stream.ended);
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
  expect(await stream.nextMessage()).toMatchObject({ id: "listen", result: {} });
  held.released.resolve();
  expect((await call).status).toBe(200);
});

it("MODERN-13: a call whose credential has ended says all that it has to say", async () => {
  const released = signal();
  const progressOf = (progress: number) => ({
    method: "notifications/progress" as const,
    params: { progressToken: "speak", progress },
  });
  const { mcpUrl, router } = await serve({
    createServer: () => {
      const server = createModernServer();
      server.registerTool("speak", {}, async ({ mcpReq }) => {
        await mcpReq.notify(progressOf(1));
        await released.promise;
        await mcpReq.notify(progressOf(2));
        return { content: [{ type: "text", text: "spoken" }] };
      });
      return server;
    },
  });
  freezeTimers();
  const short = asCaller({ sub: "alice", exp: now() + 60 });
  const message = modernCall(7, "speak");
  const call = await postForStream(mcpUrl, message, { ...headersOf(message), ...short });
  expect((await call.nextMessage())["params"]).toMatchObject({ progress: 1 });
  const subscription = await listenTo(mcpUrl, EVERYTHING, short);
  await turnClock(61_000, subscription.ended);
  released.resolve();
  expect((await call.nextMessage())["params"]).toMatchObject({ progress: 2 });
  expect(textOf(await call.nextMessage())).toBe("spoken");
  await call.ended;
  expect(router.sessions.size).toBe(0);
});

it("MODERN-13: revocation ends everything of a principal, and of nobody else", async () => {
  const held = new Held();
  let principal: unknown;
  const { mcpUrl, router } = await serve({
    createServer: (session) => {
      if (session.principal.id === "alice") principal = session.principal;
      return createModernServer(held);
    },
  });
  const [hers, his] = [
    await listenTo(mcpUrl, EVERYTHING, alice),
    await listenTo(mcpUrl, EVERYTHING, bob),
  ];
  const call = postModern(mcpUrl, modernCall(7, "held"), alice);
  await held.started.promise;
  // They are in no list, so an operator can name them only by what is known of their caller.
  expect(router.sessions.list()).toEqual([]);
  expect(router.sessions.closeFor((one) => one === principal)).toBe(2);
  await Promise.all([hers.ended, held.aborted.promise]);
  expect((await call).status).toBe(503);
  // It is not told to come back.
  expect(hers.bytes).not.toContain('"result"');
  router.notify.toolsChanged();
  expect(await heard(his)).toBe(TOOLS);
  held.released.resolve();
});

it("MODERN-13: a shutdown answers the calls, ends the subscriptions, and takes no more", async () => {
  const held = new Held();
  const { mcpUrl, router } = await serve({ createServer: () => createModernServer(held) });
  const stream = await listenTo(mcpUrl, EVERYTHING, alice);
  const call = postModern(mcpUrl, modernCall(7, "held"), alice);
  await held.started.promise;
  const closing = router.close();
  await until(async () => (await postModern(mcpUrl, modernCall(8, "whoami"), bob)).status === 503);
  expect(await isSettled(closing)).toBe(false);
  held.released.resolve();
  expect((await call).status).toBe(200);
  await closing;
  expect(await stream.nextMessage()).toMatchObject({ id: "listen", result: {} });
  await stream.ended;
});

it("MODERN-13: a shutdown that has waited long enough tells the calls so", async () => {
  const held = new Held();
  const { mcpUrl, router } = await serve({ createServer: () => createModernServer(held) });
  const call = postModern(mcpUrl, modernCall(7, "held"), alice);
  await held.started.promise;
  await router.close({ timeoutMs: 0 });
  expect((await call).status).toBe(503);
  await held.aborted.promise;
  held.released.resolve();
});

it("MODERN-14: what waits for a subscriber that does not read is bounded by what it asked for", async () => {
  const { mcpUrl, router } = await serve({ keepAliveMs: 0 });
  const uris = Array.from({ length: 100 }, (_, at) => `note://${at}/${"x".repeat(8_000)}`);
  const filter = { toolsListChanged: true, resourceSubscriptions: uris };
  const stream = await listenTo(mcpUrl, filter, alice);
  stream.pause();
  for (let round = 0; round < 300; round++) {
    for (const uri of uris) router.notify.resourceUpdated(uri);
    await turn();
  }
  for (const uri of uris) router.notify.resourceUpdated(uri);
  router.notify.toolsChanged();
  stream.resume();
  const all: unknown[] = [];
  while (all.at(-1) !== TOOLS) all.push(await heard(stream));
  // Nothing is lost: the last change of each is told. What the kernels hold has come as well.
  expect(new Set(all).size).toBe(uris.length + 1);
  expect(all.length).toBeLessThan(5_000);
});

it("MODERN-14: a reader of a call that does not read is cut off, and the tool is told", async () => {
  const held = new Held();
  const { mcpUrl, router } = await serve({
    createServer: () => createModernServer(held),
    sessions: { stallMs: 500, maxQueuedBytes: 65_536 },
  });
  const facts = new Facts(router.sessions);
  const message = modernCall(7, "flood");
  const stream = await postForStream(mcpUrl, message, { ...headersOf(message), ...alice });
  stream.pause();
  const fact = await Promise.race([facts.reached("stallMs"), facts.reached("maxQueuedBytes")]);
  expect(fact).toMatchObject({ outcome: "ended" });
  stream.resume();
  await stream.ended;
});
