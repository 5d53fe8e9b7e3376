import type { Socket } from "node:net";
import { z } from "zod";
import { EventStream } from "../../src/http/event-stream.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { createModernServer, Held, headersOf, modernCall } from "../kit/modern.js";
import { RawConnection } from "../kit/raw-http.js";
import { initialize, initialized, post, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, serveMcp } from "../kit/streamable.js";
import { isSettled, signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** The bytes of a request. */
function bytesOf(method: string, path: string, headers: Record<string, string>, body = ""): string {
  const all = { host: "127.0.0.1", "content-length": String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

it("STREAM-7: many streams on one connection are no leak, and Node does not warn of one", async () => {
  let socket: Socket | undefined;
  const { port, mcpUrl, router } = await serveMcp({
    configure: (app) =>
      app.use((req, _res, next) => {
        socket = req.socket;
        next();
      }),
    advanced: { maxUninitialized: 0 },
  });
  const client = await begin(mcpUrl);
  const connection = await RawConnection.open(port);
  const streams = Array.from({ length: 15 }, () => bytesOf("GET", "/mcp/sse", asCaller()));
  const listening = bytesOf("GET", "/mcp", { ...client.headers, accept: "text/event-stream" });
  connection.write([...streams, ...streams.map(() => listening)].join(""));
  await until(() => router.sessions.size === 16);
  // Node warns from the eleventh on.
  expect(socket!.listenerCount("close")).toBeLessThanOrEqual(10);
  connection.destroy();
  await until(() =>
    router.sessions.list().every(({ state, id }) => state !== "open" || id === client.sessionId),
  );
});

const STALL_MS = 1_000;
const MIB = 1024 * 1024;

/** A server on whose connection a call is held, so that all that is asked for after it has to wait. */
async function serveHeld() {
  const held = new Held();
  const { port, mcpUrl, router } = await serveMcp({
    sessions: { stallMs: STALL_MS },
    keepAliveMs: 0,
    createServer: () => {
      const server = createModernServer(held);
      server.registerTool("large", { inputSchema: z.object({ mib: z.number() }) }, ({ mib }) => ({
        content: [{ type: "text", text: `${"x".repeat(mib * MIB)} the end` }],
      }));
      // Answers on a stream.
      server.registerTool("pour", {}, async ({ mcpReq }) => {
        const params = { progressToken: "pour", progress: 1, message: "x".repeat(MIB / 4) };
        await mcpReq.notify({ method: "notifications/progress", params });
        return { content: [{ type: "text", text: "the end" }] };
      });
      return server;
    },
  });
  const facts = new Facts(router.sessions);
  const connection = await RawConnection.open(port);
  const { headers } = await begin(mcpUrl);
  /** A POST to its session, or one of 2026-07-28, which has none. */
  const call = (era: string, id: number, name: string, args = {}): string => {
    const message = era === "2025" ? toolCall(id, name, args) : modernCall(id, name, args);
    const own = era === "2025" ? headers : { ...asCaller(), ...headersOf(message) };
    const accept = "application/json, text/event-stream";
    const all = { accept, "content-type": "application/json", ...own };
    return bytesOf("POST", "/mcp", all, JSON.stringify(message));
  };
  return { held, mcpUrl, router, facts, connection, call };
}

/** Turns the clock on far beyond the time for which a reader may take nothing. */
async function passTime(): Promise<void> {
  for (let looks = 0; looks < 100; looks++) {
    jest.advanceTimersByTime(STALL_MS);
    await turn();
  }
}

describe.each(["2025", "2026"])("behind a call of %s that is answered late", (era) => {
  it.each([
    ["JSON", "echo", { text: "the end" }],
    ["a stream", "steps", {}],
    ["much JSON", "large", { mib: 1 }],
    ["a long stream", "pour", {}],
  ])("SLOW-1: %s waits for its turn, however long that takes", async (_, name, args) => {
    const { held, facts, connection, call } = await serveHeld();
    freezeTimers();
    connection.write(call(era, 1, "held") + call(era, 2, name, args));
    await held.started.promise;
    await passTime();
    held.released.resolve();
    await connection.until(/the end|walked/);
    expect(connection.received.indexOf("released")).toBeGreaterThan(0);
    expect(facts.limited).toEqual([]);
  });

  it("SLOW-1: who takes nothing of it once its turn has come loses it", async () => {
    const { held, facts, connection, call } = await serveHeld();
    freezeTimers();
    connection.write(call(era, 1, "held") + call(era, 2, "large", { mib: 32 }));
    await held.started.promise;
    await passTime();
    connection.pause();
    held.released.resolve();
    await passTime();
    expect(await facts.reached("stallMs")).toMatchObject({ outcome: "dropped" });
  });
});

it("SLOW-1: a stream of HTTP+SSE waits for its turn, however long that takes", async () => {
  const { held, mcpUrl, router, facts, connection, call } = await serveHeld();
  freezeTimers();
  connection.write(call("2025", 1, "held") + bytesOf("GET", "/mcp/sse", asCaller()));
  await held.started.promise;
  await until(() => router.sessions.size === 2);
  const { id } = router.sessions.list().find(({ transport }) => transport === "sse")!;
  const postUrl = `${mcpUrl}/messages?sessionId=${id}`;
  for (const message of [initialize, initialized, toolCall(2, "large", { mib: 1 })]) {
    expect((await post(postUrl, message, asCaller())).status).toBe(202);
  }
  await passTime();
  expect([facts.limited, router.sessions.get(id)?.state]).toEqual([[], "open"]);
  held.released.resolve();
  await connection.until(/the end/);
});

it("STREAM-8: a stream whose connection breaks before its turn has gone", async () => {
  const ended = signal<EventStream>();
  const { port } = await listen(({ url }, res) => {
    if (url === "/late") return;
    const stream = new EventStream(res, { keepAliveMs: 0, maxQueuedBytes: MIB, stallMs: 0 });
    stream.open();
    stream.end();
    ended.resolve(stream);
  });
  const connection = await RawConnection.open(port);
  connection.write(bytesOf("GET", "/late", {}) + bytesOf("GET", "/", {}));
  const gone = (await ended.promise).whenGone();
  expect(await isSettled(gone)).toBe(false);
  connection.destroy();
  await gone;
});
