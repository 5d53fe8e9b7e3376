import { connect } from "node:net";
import type { Socket } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { SseOptions } from "../../../src/index.js";
import { readerProblem } from "../../../src/http/slow-reader.js";
import { clientV1, clientV2 } from "../../kit/sdk-clients.js";
import { asCaller } from "../../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { freezeTimers } from "../../kit/clock.js";
import { serveRouter } from "../../kit/serve.js";
import type { Served } from "../../kit/serve.js";

import { initialize, initialized, post, toolCall } from "../../kit/raw-sse.js";
import { Facts } from "../../kit/session-facts.js";
import { isSettled, turn } from "../../kit/waiting.js";

cleanUpAfterEach();

const MIB = 1024 * 1024;

describe("a reader has stopped reading", () => {
  const bounds = { maxQueuedBytes: 100, stallMs: 30_000 };
  const one = { piledBytes: 0, untakenMs: 0 };
  const many = { piledBytes: 101, untakenMs: 0 };

  it.each([
    ["it took something half a minute ago", { ...one, untakenMs: 29_999 }, undefined],
    ["it took nothing for stallMs", { ...one, untakenMs: 30_000 }, "stalled"],
    ["a burst has just come", many, undefined],
    ["a burst has come, and it does not read", { ...many, untakenMs: 15_000 }, "overrun"],
    ["a burst has come, and it reads slowly", { ...many, untakenMs: 14_999 }, undefined],
    ["little waits", { piledBytes: 100, untakenMs: 15_000 }, undefined],
    ["more waits than any client needs", { ...many, piledBytes: 2 ** 27 + 1 }, "overrun"],
  ])("SLOW-1, SLOW-2: when %s: %j: %p", (_what, load, problem) => {
    expect(readerProblem(load, bounds)).toBe(problem);
  });

  it("SLOW-1: never, with stallMs 0, while only one sender waits", () => {
    const load = { ...one, untakenMs: 1e9 };
    expect(readerProblem(load, { ...bounds, stallMs: 0 })).toBeUndefined();
  });
});

/** Servers with a tool that answers with as much text as it is asked for. */
function largeServers(): { servers: McpServer[]; createServer: () => McpServer } {
  const servers: McpServer[] = [];
  const createServer = () => {
    const server = new McpServer({ name: "l", version: "1" }, { capabilities: { logging: {} } });
    server.registerTool("large", { inputSchema: { bytes: z.number() } }, ({ bytes }) => ({
      content: [{ type: "text", text: "x".repeat(bytes) }],
    }));
    servers.push(server);
    return server;
  };
  return { servers, createServer };
}

/** A client on a bare socket that has begun its conversation and reads no further. */
async function pausedReader({
  port,
  sseUrl,
}: Served): Promise<{ socket: Socket; postUrl: string }> {
  const headers = asCaller();
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  onDispose(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.write(
    `GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
  );
  let text = "";
  const path = await new Promise<string>((resolve) => {
    socket.on("data", (chunk: string) => {
      text += chunk;
      const [, found] = /data: (\S+)\n/.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  socket.pause();
  const postUrl = new URL(path, sseUrl).href;
  await post(postUrl, initialize, headers);
  await post(postUrl, initialized, headers);
  return { socket, postUrl };
}

async function servePaused(options: SseOptions): Promise<{
  served: Served;
  facts: Facts;
  reader: Awaited<ReturnType<typeof pausedReader>>;
  server: McpServer;
  sessionId: string;
}> {
  const { servers, createServer } = largeServers();
  const served = await serveRouter({ createServer, ...options });
  const facts = new Facts(served.sessions);
  const reader = await pausedReader(served);
  const sessionId = new URL(reader.postUrl).searchParams.get("sessionId")!;
  return { served, facts, reader, server: servers[0]!, sessionId };
}

/** Sends notifications of 1 MiB, each after the one before it was taken, until one has to wait. */
async function fill(server: McpServer): Promise<{ taken: number; last: Promise<void> }> {
  const data = "x".repeat(MIB);
  for (let taken = 0; ; taken++) {
    const last = server.server.sendLoggingMessage({ level: "info", data });
    if (await waits(last)) return { taken, last };
    await last;
  }
}

/** Whether a message has to wait for room, for longer than its way takes. */
async function waits(sent: Promise<void>): Promise<boolean> {
  for (let turns = 0; turns < 5; turns++) if (await isSettled(sent)) return false;
  return true;
}

const STALL_MS = 30_000;

/** Turns the clock on, second by second, until a limit is reached. @returns how many it took. */
async function secondsToLimit(facts: Facts): Promise<number> {
  for (let seconds = 0; ; seconds++) {
    if (facts.limited.length > 0) return seconds;
    jest.advanceTimersByTime(1_000);
    await turn();
  }
}

describe("a reader that stops reading", () => {
  it("SLOW-1: is detached after stallMs, and its session waits for it", async () => {
    freezeTimers();
    const { facts, reader, server, sessionId, served } = await servePaused({
      sessions: { maxQueuedBytes: 65_536, stallMs: STALL_MS },
      resume: { maxBufferedBytes: 64 * MIB },
    });
    const { last } = await fill(server);
    // What the network's buffers took may count as taken at the first look, a second later.
    expect([30, 31]).toContain(await secondsToLimit(facts));
    expect(await facts.reached("stallMs")).toMatchObject({ outcome: "detached" });
    // What waited is kept for the next stream, so the sender may go on.
    await last;
    expect(served.sessions.get(sessionId)?.state).toBe("detached");
    expect(
      (await post(reader.postUrl, toolCall(5, "large", { bytes: 1 }), asCaller())).status,
    ).toBe(202);
    expect(facts.closed).toEqual([]);
  });

  it("SLOW-3: loses its session when more was waiting than is kept", async () => {
    freezeTimers();
    const { facts, reader, server, sessionId } = await servePaused({
      sessions: { maxQueuedBytes: 65_536, stallMs: STALL_MS },
    });
    const { last } = await fill(server);
    // What the network's buffers took may count as taken at the first look, a second later.
    expect([30, 31]).toContain(await secondsToLimit(facts));
    expect(await facts.reasonOf(sessionId)).toBe("buffer-overflow");
    expect(facts.limited).toMatchObject([
      { limit: "stallMs", outcome: "detached" },
      { limit: "maxBufferedBytes", outcome: "ended" },
    ]);
    await last;
    expect((await post(reader.postUrl, initialize, asCaller())).status).toBe(404);
  });

  it("SLOW-3: loses its session at once where sessions end with their streams", async () => {
    freezeTimers();
    const { facts, server, sessionId } = await servePaused({
      sessions: { maxQueuedBytes: 65_536, stallMs: STALL_MS },
      resume: false,
    });
    const { last } = await fill(server);
    // What the network's buffers took may count as taken at the first look, a second later.
    expect([30, 31]).toContain(await secondsToLimit(facts));
    await expect(last).rejects.toThrow();
    expect(await facts.reasonOf(sessionId)).toBe("reader-stalled");
    expect(facts.limited).toMatchObject([{ limit: "stallMs", outcome: "ended" }]);
  });

  it("SLOW-2: is detached sooner when answers pile up that nobody waits to send", async () => {
    freezeTimers();
    const { facts, reader, sessionId } = await servePaused({
      sessions: { maxQueuedBytes: MIB, stallMs: 0 },
    });
    for (let id = 10; id < 40; id++) {
      await post(reader.postUrl, toolCall(id, "large", { bytes: MIB }), asCaller());
    }
    expect(await secondsToLimit(facts)).toBeLessThan(STALL_MS / 1_000);
    expect(await facts.reached("maxQueuedBytes")).toMatchObject({ outcome: "detached" });
    expect(await facts.reasonOf(sessionId)).toBe("buffer-overflow");
  });

  it("SLOW-4: makes send() wait until there is room", async () => {
    const { served, server, reader } = await servePaused({
      sessions: { maxQueuedBytes: MIB, stallMs: 0 },
    });
    const { taken, last } = await fill(server);
    // The queue, and what the buffers of the two sockets hold: not what was to be sent.
    expect(taken).toBeLessThan(16);
    const [session] = served.sessions.list();
    expect(session?.request?.socket.writableLength).toBeLessThan(2.5 * MIB);
    reader.socket.resume();
    await last;
  });
});

describe.each([clientV1, clientV2])("$name", (kit) => {
  it("SLOW-5: that reads gets a burst of large answers, however small the queue is", async () => {
    const { createServer } = largeServers();
    const { sseUrl, sessions } = await serveRouter({
      createServer,
      sessions: { maxQueuedBytes: MIB, stallMs: 10_000 },
    });
    const facts = new Facts(sessions);
    const listener = { onNotification: () => undefined, onSampling: () => "" };
    const client = await kit.connect(sseUrl, { headers: asCaller(), listener });
    const calls = Array.from({ length: 20 }, () => client.call("large", { bytes: MIB }));
    const answers = await Promise.all(calls);
    expect(answers.map(({ length }) => length)).toEqual(new Array(20).fill(MIB));
    expect([facts.limited, facts.closed, client.errors]).toEqual([[], [], []]);
  });
});
