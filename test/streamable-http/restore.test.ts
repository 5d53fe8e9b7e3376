import { randomBytes } from "node:crypto";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { secret } from "../kit/leak-watch.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { at, SEALING, serveNode, unknownAnswer } from "../kit/restoring-nodes.js";
import { begin, initializeFor, serveMcp, textOf } from "../kit/streamable.js";
import { createToolServer, createToolServerV2 } from "../kit/tools.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

describe("a session at a node that has never heard of it", () => {
  it.each([
    ["v1", createToolServer],
    ["v2", createToolServerV2],
  ])("RESTORE-1: goes on with a server of SDK %s, which is told of it", async (_sdk, create) => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    expect(client.sessionId.length).toBeGreaterThan(200);
    expect(client.sessionId.length).toBeLessThan(600);
    expect(client.sessionId).toMatch(/^[\x21-\x7e]+$/);
    const there = await serveNode({ createServer: create });
    const { status, json } = await at(there.mcpUrl, client).call();
    expect([status, JSON.parse(textOf(json)).id]).toEqual([200, "alice"]);
    const [session] = there.router.sessions.list();
    expect([session!.isRestored, session!.client]).toEqual([true, initialize.params.clientInfo]);
    expect(session!.id).toBe(client.sessionId.slice(0, 36));
    expect(here.router.sessions.list()[0]).toMatchObject({ isRestored: false, id: session!.id });
    expect((await at(there.mcpUrl, client).call()).status).toBe(200);
    expect(there.router.sessions.size).toBe(1);
  });

  it("RESTORE-1: knows what its client can do, and is not told again", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl, asCaller(), "2025-06-18", {
      capabilities: { elicitation: {} },
    });
    const seen = signal<unknown>();
    const there = await serveNode({
      createServer: () => {
        const server = createToolServer();
        server.server.oninitialized = () =>
          seen.resolve([server.server.getClientVersion(), server.server.getClientCapabilities()]);
        return server;
      },
    });
    const accepted = await at(there.mcpUrl, client).post({
      jsonrpc: "2.0",
      method: "notifications/roots/list_changed",
    });
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect(await seen.promise).toEqual([
      initialize.params.clientInfo,
      { elicitation: { form: {} } },
    ]);
  });

  it("RESTORE-1: is restored once for all requests that come at a time", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    let made = 0;
    const goOn = signal();
    const there = await serveNode({
      createServer: async () => {
        made++;
        await goOn.promise;
        return createToolServer();
      },
    });
    const node = at(there.mcpUrl, client);
    const calls = Array.from({ length: 49 }, () => node.call());
    const stream = node.listen();
    await until(() => made > 0);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    goOn.resolve();
    for (const call of calls) expect((await call).status).toBe(200);
    expect((await stream).status).toBe(200);
    expect(made).toBe(1);
    await until(() => there.router.sessions.size === 1);
  });

  it("RESTORE-2: listens, with the last event that it had from another server, and hears what is new", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    const first = await client.listen();
    const { id = "" } = await first.nextEvent();
    const servers: ReturnType<typeof createToolServer>[] = [];
    const there = await serveNode({
      createServer: () => {
        const server = createToolServer();
        servers.push(server);
        return server;
      },
    });
    const node = at(there.mcpUrl, client);
    const stream = await node.listen({ "last-event-id": id });
    expect(stream.status).toBe(200);
    const primed = await stream.nextEvent();
    expect(primed.id).not.toContain(client.sessionId.slice(0, 36));
    servers[0]!.sendToolListChanged();
    expect(await stream.nextMessage()).toMatchObject({
      method: "notifications/tools/list_changed",
    });
    // What belonged to a call is lost with that, and its client may hear so.
    const lost = await node.listen({ "last-event-id": id.replace(/\.0\./, ".1.") });
    expect(lost.status).toBe(400);
  });

  it("RESTORE-1: initialize begins a new one, and restores nothing", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    const there = await serveNode();
    const answer = await at(there.mcpUrl, client).post(initializeFor("2025-11-25"));
    expect(answer.status).toBe(200);
    expect(there.router.sessions.list()).toMatchObject([{ isRestored: false }]);
    expect(answer.headers["mcp-session-id"]).not.toBe(client.sessionId);
  });
});

describe("nobody else's", () => {
  const tampered = (id: string, index: number) =>
    id.slice(0, index) + (id[index] === "A" ? "B" : "A") + id.slice(index + 1);

  it("RESTORE-3: another caller, another mount, a changed, cut or doubled name, and another secret find nothing", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    const { sessionId } = client;
    const there = await serveNode({
      configure: (app) =>
        app.use((req, _res, next) => {
          req.url = req.url.replace(/^\/other/, "");
          next();
        }),
    });
    const strangers = await serveMcp({
      sessions: { restore: { secret: secret(randomBytes(32).toString("hex")) } },
    });
    const unknown = await unknownAnswer(there.mcpUrl, asCaller());
    const other = await begin(here.mcpUrl);
    const swapped = `${sessionId.slice(0, 36)}${other.sessionId.slice(36)}`;
    const names = [0, 20, 37, 46, 60, sessionId.length - 1].map((at) => tampered(sessionId, at));
    for (const name of [...names, swapped, sessionId.slice(0, -4), sessionId.slice(0, 36)]) {
      const node = at(there.mcpUrl, client, { "mcp-session-id": name });
      expect(await node.call()).toMatchObject({ status: 404, text: unknown });
      expect(await node.listen()).toMatchObject({ status: 404 });
      expect(await node.delete()).toMatchObject({ status: 404, text: unknown });
    }
    const bob = at(there.mcpUrl, client, asCaller({ sub: "bob" }));
    expect(await bob.call()).toMatchObject({ status: 404, text: unknown });
    expect((await bob.delete()).status).toBe(404);
    expect((await at(strangers.mcpUrl, client).call()).status).toBe(404);
    expect((await at(there.sseUrl, client).call()).status).toBe(404);
    expect((await at(`${there.mcpUrl}?tenant=b`, client).call()).status).toBe(404);
    expect((await at(there.mcpUrl, client, { authorization: "Bearer none" }).call()).status).toBe(
      401,
    );
    await until(() => there.router.sessions.size === 0);
    // And the live one is found by its whole name alone.
    const live = at(here.mcpUrl, client, { "mcp-session-id": tampered(sessionId, 60) });
    expect((await live.call()).status).toBe(404);
    expect((await client.post(toolCall(3, "whoami"))).status).toBe(200);
    expect((await at(there.mcpUrl, client).call()).status).toBe(200);
  });

  it("RESTORE-3: nor does who has fewer scopes, or another organisation; more scopes go on", async () => {
    const here = await serveNode();
    const owner = (scope: string, org_id = "one") => asCaller({ scope, org_id });
    const client = await begin(here.mcpUrl, owner("read write"));
    const there = await serveNode();
    for (const less of [owner("read"), owner("read write", "two")]) {
      expect((await at(there.mcpUrl, client, less).call()).status).toBe(404);
    }
    expect((await at(there.mcpUrl, client, owner("write read admin")).call()).status).toBe(200);
    // By now the session has all three.
    expect((await at(there.mcpUrl, client, owner("read write")).call()).status).toBe(404);
  });

  it("RESTORE-3: who waits while another restores it is not let in by less than that one brought", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl, asCaller({ scope: "read" }));
    const made = signal();
    const asked = signal();
    const there = await serveNode({
      createServer: async () => {
        asked.resolve();
        await made.promise;
        return createToolServer();
      },
    });
    const more = at(there.mcpUrl, client, asCaller({ scope: "read write" })).call();
    await asked.promise;
    const less = at(there.mcpUrl, client).call();
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    made.resolve();
    expect([(await more).status, (await less).status]).toEqual([200, 404]);
  });

  it("RESTORE-4: says nothing of its owner and its client to who reads it", async () => {
    const here = await serveNode();
    const { sessionId } = await begin(here.mcpUrl, asCaller({ sub: "alice-of-accounting" }));
    for (const part of sessionId.split(".")) {
      const texts = [part, Buffer.from(part, "base64url").toString("latin1")];
      for (const text of texts) expect(text).not.toMatch(/alice|accounting|protocolVersion|test/);
    }
  });
});

describe("keys and ages", () => {
  it("RESTORE-4: of a list of secrets the first seals, and all open", async () => {
    const [old, next] = [SEALING, secret(randomBytes(32).toString("hex"))];
    const before = await serveNode();
    const both = await serveNode({ sessions: { restore: { secret: [next, old] } } });
    const after = await serveNode({ sessions: { restore: { secret: next } } });
    const client = await begin(before.mcpUrl);
    expect((await at(both.mcpUrl, client).call()).status).toBe(200);
    expect((await at(after.mcpUrl, client).call()).status).toBe(404);
    const newer = await begin(both.mcpUrl);
    expect((await at(after.mcpUrl, newer).call()).status).toBe(200);
    expect((await at(before.mcpUrl, newer).call()).status).toBe(404);
  });

  it.each([
    ["maxAgeMs", { restore: { secret: SEALING, maxAgeMs: 60_000 } }],
    ["lifetimeMs", { lifetimeMs: 60_000 }],
  ])(
    "RESTORE-5: is not restored after %s, and has no more time than before",
    async (_name, sessions) => {
      const here = await serveNode();
      const client = await begin(here.mcpUrl);
      const there = await serveNode({ sessions });
      const now = Date.now();
      const clock = jest.spyOn(Date, "now");
      try {
        clock.mockReturnValue(now + 61_000);
        expect((await at(there.mcpUrl, client).call()).status).toBe(404);
        // Set back by more than clocks differ, it tells no age.
        clock.mockReturnValue(now - 120_000);
        expect((await at(there.mcpUrl, client).call()).status).toBe(404);
        clock.mockReturnValue(now + 30_000);
        expect((await at(there.mcpUrl, client).call()).status).toBe(200);
      } finally {
        clock.mockRestore();
      }
    },
  );

  it("RESTORE-6: with more to say than is kept its client gets an ordinary id, and the log says so once", async () => {
    const { mcpUrl, lines } = await serveNode();
    const clientInfo = { name: "x".repeat(1_100), version: "1" };
    for (let times = 0; times < 2; times++) {
      const { sessionId } = await begin(mcpUrl, asCaller(), "2025-11-25", { clientInfo });
      expect(sessionId).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(lines.filter((line) => line.includes("cannot be restored"))).toHaveLength(1);
  });
});

it("RESTORE-9: without sessions.restore ids are what they were, and none is restored", async () => {
  const here = await serveMcp();
  const client = await begin(here.mcpUrl);
  expect(client.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  const sealed = await begin((await serveNode()).mcpUrl);
  expect((await at(here.mcpUrl, sealed).call()).status).toBe(404);
});
