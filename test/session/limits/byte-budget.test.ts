import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { SseOptions } from "../../../src/index.js";
import { asCaller } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { freezeTimers, turnClock } from "../../kit/clock.js";
import { serveRouter } from "../../kit/serve.js";
import { RawConnection } from "../../kit/raw-http.js";
import {
  initialize,
  initialized,
  openSession,
  openStream,
  post,
  toolCall,
} from "../../kit/raw-sse.js";
import { detached, Facts } from "../../kit/session-facts.js";
import { isSettled, signal } from "../../kit/waiting.js";

cleanUpAfterEach();

const MIB = 1024 * 1024;

/** A server whose tool works until it is let go. */
async function serveWork(options: SseOptions = {}) {
  const done = signal();
  const servers: McpServer[] = [];
  const createServer = () => {
    const server = new McpServer({ name: "w", version: "1" }, { capabilities: { logging: {} } });
    server.registerTool("work", { inputSchema: { data: z.string() } }, async ({ data }) => {
      await done.promise;
      return { content: [{ type: "text", text: String(data.length) }] };
    });
    server.registerTool("echo", {}, () => ({ content: [{ type: "text", text: "echo" }] }));
    servers.push(server);
    return server;
  };
  const served = await serveRouter({ createServer, ...options });
  return { served, servers, facts: new Facts(served.sessions), done };
}

async function begin(sseUrl: string, sub: string) {
  const headers = asCaller({ sub });
  const { stream, postUrl } = await openSession(sseUrl, headers);
  await post(postUrl, initialize, headers);
  await stream.answerTo(initialize.id);
  await post(postUrl, initialized, headers);
  return { stream, call: (message: object) => post(postUrl, message, headers), postUrl, headers };
}

const large = (id: number) => toolCall(id, "work", { data: "x".repeat(3 * MIB) });

describe("a principal that uses up its memory", () => {
  it("MEMORY-3, MEMORY-4: waits, while others are served, and gets every answer that it was promised", async () => {
    const { served, facts, done } = await serveWork({ sessions: { maxHeldBytes: 16 * MIB } });
    const alice = await begin(served.sseUrl, "alice");
    const bob = await begin(served.sseUrl, "bob");
    expect((await alice.call(large(1))).status).toBe(202);
    expect((await alice.call(large(2))).status).toBe(202);
    const third = alice.call(large(3));
    expect(await facts.reached("maxHeldBytesPerPrincipal")).toMatchObject({
      outcome: "delayed",
      principal: { id: "alice" },
    });
    // A small one waits as well, and the last quarter is for others.
    const small = alice.call(toolCall(4, "work", { data: "x".repeat(3_000) }));
    expect((await bob.call(large(1))).status).toBe(202);
    expect((await bob.call(toolCall(2, "echo"))).status).toBe(202);
    await bob.stream.answerTo(2);
    done.resolve();
    expect([(await third).status, (await small).status]).toEqual([202, 202]);
    const ids = new Set<unknown>();
    while (ids.size < 4) ids.add((await alice.stream.nextMessage())["id"]);
    expect(served.lines.filter((line) => line.includes("maxHeldBytesPerPrincipal"))).toHaveLength(
      1,
    );
  });

  it("MEMORY-3: is refused with 429 after ten seconds; what acknowledges and cancels is taken", async () => {
    const { served, facts } = await serveWork({ sessions: { maxHeldBytes: 16 * MIB } });
    const alice = await begin(served.sseUrl, "alice");
    await alice.call(large(1));
    await alice.call(large(2));
    freezeTimers();
    const third = alice.call(large(3));
    await facts.reached("maxHeldBytesPerPrincipal");
    expect((await alice.call({ jsonrpc: "2.0", method: "notifications/progress" })).status).toBe(
      202,
    );
    jest.advanceTimersByTime(9_999);
    expect(await isSettled(third)).toBe(false);
    jest.advanceTimersByTime(1);
    const { status, headers, json } = await third;
    expect([status, headers.get("retry-after")]).toEqual([429, "5"]);
    expect(json).toMatchObject({ id: null, error: { data: { code: "too_many_bytes" } } });
    expect(facts.limited.map(({ outcome }) => outcome)).toEqual(["delayed", "refused"]);
  });

  it("MEMORY-5: loses its heaviest session when more is sent to it than there may be", async () => {
    const { served, servers, facts } = await serveWork({
      sessions: { maxHeldBytes: 16 * MIB, stallMs: 0 },
    });
    const alice = await begin(served.sseUrl, "alice");
    const bob = await begin(served.sseUrl, "bob");
    alice.stream.pause();
    for (let index = 0; index < 24; index++) {
      const data = `${index} ${"x".repeat(MIB)}`;
      void servers[0]!.server.sendLoggingMessage({ level: "info", data }).catch(() => undefined);
    }
    expect(await facts.reached("maxHeldBytes")).toMatchObject({
      outcome: "ended",
      principal: { id: "alice" },
    });
    expect(facts.closed).toMatchObject([{ reason: "buffer-overflow" }]);
    expect((await bob.call(toolCall(2, "echo"))).status).toBe(202);
    await bob.stream.answerTo(2);
  });
});

describe("a body that does not come", () => {
  const head = (url: string, authorization: string, length: number) =>
    `POST ${new URL(url).pathname}${new URL(url).search} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    `Authorization: ${authorization}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${length}\r\n\r\n{`;

  it("LIMIT-11: is answered 408 after its time, and its connection ends", async () => {
    freezeTimers();
    const { served, facts } = await serveWork({ sessions: { bodyTimeoutMs: 50 } });
    const { postUrl, headers } = await begin(served.sseUrl, "alice");
    const connection = await RawConnection.open(served.port);
    connection.write(head(postUrl, headers.authorization, 100));
    const { status, body } = await turnClock(50, connection.nextAnswer());
    expect([status, body]).toEqual([408, expect.stringContaining("message_timeout")]);
    await connection.ended();
    expect(await facts.reached("bodyTimeoutMs")).toMatchObject({ outcome: "refused" });
  });

  it("LIMIT-12: has its place from its header on", async () => {
    const { served, facts } = await serveWork({ sessions: { maxInFlight: 3 } });
    const { postUrl, headers } = await begin(served.sseUrl, "alice");
    const connections = await Promise.all([1, 2, 3, 4].map(() => RawConnection.open(served.port)));
    for (const connection of connections) {
      connection.write(head(postUrl, headers.authorization, 4_000_000));
    }
    const { status, body } = await Promise.race(
      connections.map((connection) => connection.nextAnswer()),
    );
    expect([status, body]).toEqual([429, expect.stringContaining("too_many_calls")]);
    expect(await facts.reached("maxInFlight")).toMatchObject({ outcome: "refused" });
  });
});

describe("what is kept for a client", () => {
  it("MEMORY-8: counts with what it takes beside its text, and much of it is not written again at once", async () => {
    const { served, servers, facts } = await serveWork({ resume: { retryMs: 1_000 } });
    const alice = await begin(served.sseUrl, "alice");
    const sessionId = new URL(alice.postUrl).searchParams.get("sessionId")!;
    alice.stream.close();
    await detached(served.sessions, sessionId);
    const say = () => servers[0]!.server.sendLoggingMessage({ level: "info", data: "x" });
    for (let index = 0; index < 1_000; index++) await say();
    const again = { ...alice.headers, "last-event-id": `${sessionId}:0` };
    const first = await openStream(served.sseUrl, again);
    expect((await first.nextEvent()).event).toBe("endpoint");
    const second = await openStream(served.sseUrl, again);
    await second.ended;
    expect(second.bytes).toBe("retry: 1000\n\n");
    for (let index = 0; index < 1_000; index++) await first.nextMessage();
    first.close();
    await detached(served.sessions, sessionId);
    // Far less than 1 MiB of text.
    for (let index = 0; index < 5_000; index++) await say().catch(() => undefined);
    expect(await facts.reasonOf(sessionId)).toBe("buffer-overflow");
  });
});
