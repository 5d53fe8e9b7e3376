import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import express from "express";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createSseRouter } from "../../src/index.js";
import type {
  McpServerLike,
  SessionInfo,
  SessionOptions,
  SseOptions,
  SseRouter,
  SSEServerTransport,
} from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";
import { initialize, openSession, openStream, post, toolCall } from "../kit/raw-sse.js";
import { createFeatureServerV1, createFeatureServerV2, Stage } from "../kit/feature-servers.js";
import { pairs } from "../kit/feature-clients.js";

let rejections: unknown[];
const onRejection = (reason: unknown) => void rejections.push(reason);

beforeEach(() => {
  rejections = [];
  process.on("unhandledRejection", onRejection);
});

cleanUpAfterEach();
afterEach(async () => {
  await new Promise(setImmediate);
  process.off("unhandledRejection", onRejection);
  expect(rejections).toEqual([]);
});

interface Endpoint {
  router: SseRouter;
  server: Server;
  sseUrl: string;
  closed: Stage;
}

async function serve(
  createServer: (session: SessionInfo<undefined>) => McpServerLike | Promise<McpServerLike>,
  sessions: SessionOptions = {},
  resume: SseOptions["resume"] = {},
): Promise<Endpoint> {
  const closed = new Stage();
  const router = createSseRouter({ auth: false, sessions, resume, createServer });
  router.sessions.on("closed", (_session, reason) => closed.tell("closed", reason));
  onDispose(() => router.close({ timeoutMs: 0 }));
  const app = express();
  app.use(router);
  const { url, server } = await listen(app);
  return { router, server, sseUrl: `${url}/sse`, closed };
}

/** A server that does whatever a test wants with the transport itself. */
function bareServer(use: (transport: SSEServerTransport) => unknown = () => undefined) {
  let transport: SSEServerTransport | undefined;
  return {
    connect: async (given: SSEServerTransport) => {
      transport = given;
      use(given);
      await given.start();
    },
    close: async () => transport?.close(),
  };
}

describe("sessions that come and go", () => {
  it("SESSION-3: a thousand leave nothing behind: no session, no server, no listener", async () => {
    let open = 0;
    const { router, server, sseUrl, closed } = await serve(() => {
      open++;
      const one = new McpServer({ name: "s", version: "1" });
      const close = one.close.bind(one);
      one.close = async () => {
        await close();
        open--;
        closed.tell("server closed");
      };
      return one;
    });
    const sockets = new Set<Socket>();
    const responses: ServerResponse[] = [];
    server.on("connection", (socket) => sockets.add(socket));
    server.on("request", (_req, res) => responses.push(res));
    const TOTAL = 1000;
    for (let done = 0; done < TOTAL; done += 50) {
      const streams = await Promise.all(Array.from({ length: 50 }, () => openStream(sseUrl)));
      for (const stream of streams) stream.close();
      await closed.heard("server closed", done + 50);
    }
    expect(router.sessions.size).toBe(0);
    expect(open).toBe(0);
    for (const socket of sockets) if (!socket.closed) await once(socket, "close");
    expect(responses).toHaveLength(TOTAL);
    for (const res of responses) expect(res.listenerCount("drain")).toBe(0);
  });

  it("SESSION-3: many on one connection leave no listener on its socket", async () => {
    const { server, sseUrl, router } = await serve(() =>
      bareServer((transport) => setImmediate(() => void transport.close())),
    );
    const counts: number[] = [];
    server.on("request", ({ socket }) =>
      counts.push(socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)),
    );
    const { Agent, get } = await import("node:http");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onDispose(() => agent.destroy());
    for (let index = 0; index < 20; index++) {
      await new Promise<void>((resolve, reject) => {
        get(sseUrl, { agent }, (res) => res.resume().on("end", resolve)).on("error", reject);
      });
    }
    expect(counts).toHaveLength(20);
    expect(new Set(counts.slice(1)).size).toBe(1);
    expect(router.sessions.size).toBe(0);
  });

  it("SESSION-1: a client that leaves while its server is made gets none that stays open", async () => {
    const stage = new Stage();
    const { router, sseUrl } = await serve(async (session) => {
      stage.tell("asked", session);
      await stage.heard("go");
      const one = bareServer(() => stage.tell("connected"));
      return { ...one, close: async () => stage.tell("server closed") };
    });
    const refused = openStream(sseUrl);
    refused.catch(() => undefined);
    const session = (await stage.heard("asked")) as SessionInfo;
    const gone = new Promise((resolve) => session.signal.addEventListener("abort", resolve));
    session.request!.socket.destroy();
    await gone;
    expect(router.sessions.size).toBe(0);
    stage.tell("go");
    await stage.heard("server closed");
    expect(stage.count("connected")).toBe(0);
  });
});

describe("messages at the wrong time", () => {
  it("MESSAGE-3: during the opening are refused, and the opening goes on", async () => {
    const stage = new Stage();
    const { sseUrl } = await serve(async (session) => {
      stage.tell("asked", session.id);
      await stage.heard("go");
      return createFeatureServerV1(stage);
    });
    const opening = openSession(sseUrl);
    const id = (await stage.heard("asked")) as string;
    const early = await post(new URL(`/messages?sessionId=${id}`, sseUrl).href, initialize);
    expect(early.status).toBe(404);
    stage.tell("go");
    const { stream, postUrl } = await opening;
    expect((await post(postUrl, initialize)).status).toBe(202);
    expect((await stream.nextMessage())["id"]).toBe(initialize.id);
  });

  it("MESSAGE-3: after the end get the same answer as for a session that never was", async () => {
    const { router, sseUrl } = await serve(() => createFeatureServerV1(new Stage()));
    const { stream, postUrl } = await openSession(sseUrl);
    router.sessions.close(new URL(postUrl).searchParams.get("sessionId")!);
    await stream.ended;
    const late = await post(postUrl, initialize);
    const never = await post(new URL("/messages?sessionId=never", sseUrl).href, initialize);
    expect([late.status, late.text]).toEqual([404, never.text]);
  });

  it("MESSAGE-1: an answer that nobody asked for, and a cancellation of nothing, harm nothing", async () => {
    const { stream, postUrl } = await openSession(
      (await serve(() => createFeatureServerV2(new Stage()))).sseUrl,
    );
    for (const message of [
      { jsonrpc: "2.0", id: 99, result: {} },
      { jsonrpc: "2.0", id: "__proto__", error: { code: 1, message: "no" } },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 12 } },
      { jsonrpc: "2.0", method: "notifications/cancelled" },
      { jsonrpc: "2.0", method: "constructor" },
    ]) {
      expect((await post(postUrl, message)).status).toBe(202);
    }
    await post(postUrl, initialize);
    expect((await stream.nextMessage())["id"]).toBe(initialize.id);
  });
});

describe("servers that misbehave", () => {
  it.each(pairs)(
    "SESSION-3: $server.name may close itself inside a call of $client.name",
    async ({ client, server }) => {
      const stage = new Stage();
      const made: McpServerLike[] = [];
      const { sseUrl, closed, router } = await serve(() => {
        const one = server.create(stage);
        made.push(one);
        return one;
      });
      const mcp = await client.connect(sseUrl);
      const call = mcp.call("hang");
      await stage.heard("hang started");
      await Promise.all([made[0]!.close(), made[0]!.close()]);
      await stage.heard("hang aborted");
      expect(await closed.heard("closed")).toBe("server-closed");
      expect(router.sessions.size).toBe(0);
      await Promise.all([mcp.close(), expect(call).rejects.toThrow()]);
    },
  );

  it("SESSION-3: one may close its transport inside onmessage", async () => {
    const { sseUrl, closed } = await serve(() =>
      bareServer((transport) => {
        transport.onmessage = () => void transport.close();
      }),
    );
    const { stream, postUrl } = await openSession(sseUrl);
    expect((await post(postUrl, initialize)).status).toBe(202);
    await stream.ended;
    expect(await closed.heard("closed")).toBe("server-closed");
    expect(closed.count("closed")).toBe(1);
  });

  it("SESSION-1: handlers that throw are their own session's trouble", async () => {
    const boom = () => {
      throw new Error("handler");
    };
    let count = 0;
    const create = (): McpServerLike =>
      ++count > 1
        ? createFeatureServerV1(new Stage())
        : bareServer((transport) => {
            transport.onmessage = boom;
            transport.onclose = boom;
            transport.onerror = () => undefined;
          });
    const { sseUrl, closed, router } = await serve(create, {}, false);
    const bad = await openSession(sseUrl);
    const good = await openSession(sseUrl);
    const answer = await post(bad.postUrl, initialize);
    expect([answer.status, answer.text.includes("handler")]).toEqual([500, false]);
    expect(router.sessions.list()[0]!.inFlight).toBe(0);
    bad.stream.close();
    await closed.heard("closed");
    expect(router.sessions.size).toBe(1);
    await post(good.postUrl, initialize);
    expect((await good.stream.nextMessage())["id"]).toBe(initialize.id);
  });

  it("SESSION-2: a server that the factory has connected already is refused by SDK v1, and closed", async () => {
    const one = new McpServer({ name: "s", version: "1" });
    const closed = new Promise<void>((resolve) => (one.server.onclose = resolve));
    const { sseUrl, router } = await serve(async () => {
      await one.connect(InMemoryTransport.createLinkedPair()[0]);
      return one;
    });
    const refused = await openStream(sseUrl);
    await refused.ended;
    expect([refused.status, router.sessions.size]).toEqual([500, 0]);
    await closed;
  });

  it("SESSION-3: what they send after the end is a rejection that they can see, and nothing else", async () => {
    const refused: unknown[] = [];
    const { sseUrl, closed } = await serve(() => {
      const one = createFeatureServerV1(new Stage());
      one.server.onclose = () => {
        one.sendToolListChanged();
        one.server.ping().catch((error: unknown) => refused.push(error));
        void one.server
          .sendLoggingMessage({ level: "info", data: "late" })
          .catch((error: unknown) => refused.push(error));
      };
      return one;
    });
    const { stream } = await openSession(sseUrl);
    stream.close();
    await closed.heard("closed");
    await new Promise(setImmediate);
    expect(refused).toHaveLength(2);
  });
});

describe("clients that do not read", () => {
  it.each([
    ["and lose their session with their stream", false, "reader-stalled"],
    ["and lose their session when more waits than is kept", {}, "buffer-overflow"],
  ] as const)("STREAM-8: slow down nobody but themselves, %s", async (_what, resume, reason) => {
    const { sseUrl, closed, router } = await serve(
      () => createFeatureServerV1(new Stage()),
      { maxQueuedBytes: 65_536, stallMs: 50 },
      resume,
    );
    const slow = await openSession(sseUrl);
    slow.stream.pause();
    const text = "x".repeat(3_000_000);
    for (let id = 2; id < 12; id++) {
      // Refused once the stream is lost, which may be before the last of them.
      expect([202, 404]).toContain(
        (await post(slow.postUrl, toolCall(id, "echo", { text }))).status,
      );
    }
    const other = await openSession(sseUrl);
    await post(other.postUrl, toolCall(1, "echo", { text: "quick" }));
    expect(JSON.stringify(await other.stream.nextMessage())).toContain("quick");
    expect(await closed.heard("closed")).toBe(reason);
    expect(router.sessions.size).toBe(1);
    expect((await post(slow.postUrl, initialize)).status).toBe(404);
  });

  it("STREAM-8: keep no call waiting for ever when the router closes", async () => {
    const { sseUrl, router } = await serve(() => createFeatureServerV1(new Stage()), {
      maxQueuedBytes: 1,
      stallMs: 0,
    });
    const { stream, postUrl } = await openSession(sseUrl);
    stream.pause();
    const text = "x".repeat(3_000_000);
    for (let id = 2; id < 9; id++) await post(postUrl, toolCall(id, "echo", { text }));
    expect(router.sessions.list()[0]!.inFlight).toBeGreaterThan(0);
    await router.close({ timeoutMs: 1 });
    expect(router.sessions.size).toBe(0);
  });
});
