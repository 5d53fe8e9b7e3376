import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { RawConnection } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { at, serveNode, unknownAnswer } from "../kit/restoring-nodes.js";
import { begin } from "../kit/streamable.js";
import type { StreamableConversation } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

describe("what has ended", () => {
  it("RESTORE-7: does not come back where it was deleted, closed by the application, or revoked", async () => {
    const { mcpUrl, router } = await serveNode();
    const deleted = await begin(mcpUrl);
    expect((await deleted.delete()).status).toBe(200);
    const closed = await begin(mcpUrl);
    router.sessions.close(closed.sessionId.slice(0, 36));
    const idle = await begin(mcpUrl);
    const revoked = await begin(mcpUrl, asCaller({ sub: "bob" }));
    const { principal } = router.sessions.list().find(({ principal }) => principal?.id === "bob")!;
    router.sessions.closeFor(principal);
    const unknown = await unknownAnswer(mcpUrl, asCaller());
    for (const client of [deleted, closed, revoked]) {
      expect(await at(mcpUrl, client).call()).toMatchObject({ status: 404, text: unknown });
      expect((await at(mcpUrl, client).delete()).status).toBe(404);
    }
    expect((await idle.post(toolCall(3, "whoami"))).status).toBe(200);
  });

  it("RESTORE-7: is revoked although it is at another node, and what is begun later is not", async () => {
    const [here, there] = [await serveNode(), await serveNode()];
    const client = await begin(here.mcpUrl);
    const other = await begin(there.mcpUrl);
    const { principal } = there.router.sessions.list()[0]!;
    expect(there.router.sessions.closeFor(principal)).toBe(1);
    expect((await at(there.mcpUrl, client).call()).status).toBe(404);
    expect((await at(there.mcpUrl, other).call()).status).toBe(404);
    const later = await begin(there.mcpUrl);
    expect((await later.post(toolCall(3, "whoami"))).status).toBe(200);
  });

  it("RESTORE-7: a DELETE of one that is not here is kept, and makes no server", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    let made = 0;
    const there = await serveNode({
      createServer: () => {
        made++;
        return createToolServer();
      },
    });
    expect((await at(there.mcpUrl, client).delete()).status).toBe(200);
    expect((await at(there.mcpUrl, client).delete()).status).toBe(404);
    expect((await at(there.mcpUrl, client).call()).status).toBe(404);
    expect(made).toBe(0);
    // The other node cannot know: only a client that says otherwise than itself finds out.
    expect((await client.post(toolCall(3, "whoami"))).status).toBe(200);
  });

  it("RESTORE-8: comes back after it made room, in the place of another that can be spared", async () => {
    const { mcpUrl, facts, router } = await serveNode({ sessions: { maxSessionsPerPrincipal: 1 } });
    const first = await begin(mcpUrl);
    const second = await begin(mcpUrl);
    expect(await facts.reasonOf(first.sessionId.slice(0, 36))).toBe("made-room");
    expect((await at(mcpUrl, first).call()).status).toBe(200);
    expect(await facts.reasonOf(second.sessionId.slice(0, 36))).toBe("made-room");
    expect(router.sessions.size).toBe(1);
  });
});

it("RESTORE-8: comes back after it was idle", async () => {
  const { mcpUrl, facts, lines } = await serveNode({ streamable: { streamlessIdleMs: 60_000 } });
  freezeTimers();
  const client = await begin(mcpUrl);
  const ended = facts.reasonOf(client.sessionId.slice(0, 36));
  expect(await turnClock(1_000, ended)).toBe("idle");
  expect((await at(mcpUrl, client).call()).status).toBe(200);
  expect(lines.some((line) => line.includes(' restored: of "alice"'))).toBe(true);
});

describe("while a session is being restored", () => {
  async function serveSlow(client: StreamableConversation) {
    const [asked, goOn] = [signal(), signal()];
    const node = await serveNode({
      createServer: async () => {
        asked.resolve();
        await goOn.promise;
        return createToolServer();
      },
    });
    return { ...node, asked, goOn, requests: at(node.mcpUrl, client) };
  }

  it("RESTORE-1: the one that began it may leave, and the others go on", async () => {
    const client = await begin((await serveNode()).mcpUrl);
    const { port, asked, goOn, requests, router } = await serveSlow(client);
    const connection = await RawConnection.open(port);
    const lines = Object.entries(client.headers).map(([name, value]) => `${name}: ${value}`);
    connection.write(`GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    await asked.promise;
    const call = requests.call();
    connection.destroy();
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    goOn.resolve();
    expect((await call).status).toBe(200);
    await until(() => router.sessions.size === 1);
  });

  it("RESTORE-7: a DELETE, or a revocation, ends it before it is there", async () => {
    const client = await begin((await serveNode()).mcpUrl);
    for (const end of ["DELETE", "closeFor"]) {
      const { mcpUrl, asked, goOn, requests, router } = await serveSlow(client);
      const call = requests.call();
      await asked.promise;
      if (end === "DELETE") expect((await at(mcpUrl, client).delete()).status).toBe(200);
      else router.sessions.closeFor(router.sessions.list()[0]!.principal);
      goOn.resolve();
      expect([end, (await call).status]).toEqual([end, 503]);
      expect([end, (await requests.call()).status]).toEqual([end, 404]);
      await until(() => router.sessions.size === 0);
    }
  });

  it("RESTORE-8: a server that never answers initialize is 503, and leaves nothing behind", async () => {
    const client = await begin((await serveNode()).mcpUrl);
    const there = await serveNode({
      sessions: { openTimeoutMs: 50 },
      createServer: () => ({
        connect: (transport) => transport.start(),
        close: async () => undefined,
      }),
    });
    const { status, json } = await at(there.mcpUrl, client).call();
    expect([status, json?.error]).toEqual([503, "server_unavailable"]);
    await until(() => there.router.sessions.size === 0);
  });
});

describe("what keeps a session from being restored", () => {
  it("RESTORE-8: counts as an opening does: 429, 503 and 500 as for those, and then it works", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl);
    let isBroken = true;
    const there = await serveNode({
      sessions: { maxSessions: 1 },
      createServer: () => {
        if (isBroken) throw new Error("not today");
        return createToolServer();
      },
    });
    const node = at(there.mcpUrl, client);
    expect(await node.call()).toMatchObject({ status: 500 });
    expect((await node.listen()).status).toBe(500);
    isBroken = false;
    const bob = await begin(there.mcpUrl, asCaller({ sub: "bob" }));
    const full = await node.call();
    expect([full.status, full.json?.error.data.code]).toEqual([503, "server_full"]);
    await bob.delete();
    expect((await node.call()).status).toBe(200);
  });

  it("RESTORE-8: as many come back at a time as one principal may begin at a time", async () => {
    const here = await serveNode();
    const clients = await Promise.all(Array.from({ length: 5 }, () => begin(here.mcpUrl)));
    let made = 0;
    const [allMade, goOn] = [signal(), signal()];
    const there = await serveNode({
      advanced: { maxUninitialized: 5 },
      createServer: async () => {
        if (++made === clients.length) allMade.resolve();
        await goOn.promise;
        return createToolServer();
      },
    });
    const calls = Promise.all(clients.map((client) => at(there.mcpUrl, client).call()));
    // Who is refused has none made.
    await Promise.race([allMade.promise, calls]);
    expect(there.router.sessions.size).toBe(5);
    goOn.resolve();
    expect((await calls).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it("RESTORE-8: a server that refuses what its client once said, or the revision in which it speaks, is 404", async () => {
    const here = await serveNode();
    const client = await begin(here.mcpUrl, asCaller(), "2025-11-25");
    const there = await serveNode({
      createServer: () => {
        const server = createToolServer();
        const connect = server.connect.bind(server);
        server.connect = async (transport) => {
          await connect(transport);
          const { onmessage } = transport;
          transport.onmessage = (message, extra) => {
            const { params } = message as { params?: { protocolVersion?: string } };
            if (params?.protocolVersion !== undefined) params.protocolVersion = "2025-06-18";
            onmessage?.(message, extra);
          };
        };
        return server;
      },
    });
    expect((await at(there.mcpUrl, client).call()).status).toBe(404);
    await until(() => there.router.sessions.size === 0);
  });
});
