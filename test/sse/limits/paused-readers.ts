/**
 * A program with 200 clients that do not read, and a server that has messages of 1 MiB for each,
 * without end. It prints what it holds once all senders wait, and again after every client has
 * read a little and stopped once more. Run by slow-readers.test.ts, with `--expose-gc`.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as later } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createSseRouter } from "../../../src/index.js";
import { initialize, initialized, post } from "../../kit/raw-sse.js";

const MIB = 1024 * 1024;
const READERS = 200;
/** More than the buffers of the two sockets hold, so that senders get on. */
const SIP_BYTES = 12 * MIB;

let sent = 0;

/** Sends for as long as it is let. */
async function sendForEver(server: McpServer): Promise<void> {
  for (let index = 0; ; index++) {
    const data = `${index} ${"x".repeat(MIB)}`;
    await server.server.sendLoggingMessage({ level: "info", data });
    sent++;
  }
}

async function pausedReader(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  socket.on("error", () => undefined);
  socket.write("GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const path = await new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", function read(chunk: string) {
      text += chunk;
      const [, found] = /data: (\S+)\n/.exec(text) ?? [];
      if (found === undefined) return;
      socket.off("data", read).pause();
      resolve(found);
    });
  });
  for (const message of [initialize, initialized]) {
    await post(`http://127.0.0.1:${port}${path}`, message);
  }
  return socket;
}

async function sip(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    let bytes = 0;
    socket.on("data", function read(chunk: string) {
      bytes += chunk.length;
      if (bytes < SIP_BYTES) return;
      socket.off("data", read).pause();
      resolve();
    });
    socket.resume();
  });
}

/** Resolves when every sender waits. */
async function whenNothingMoves(): Promise<void> {
  for (let before = -1; before !== sent;) {
    before = sent;
    await later(300);
  }
}

/** Mebibytes in use, on the heap and beside it. */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / MIB);
}

async function main(): Promise<void> {
  const router = createSseRouter({
    auth: false,
    // Each by itself is bounded; together they would be more than the process holds for anybody.
    sessions: { maxQueuedBytes: MIB, stallMs: 0, maxHeldBytes: 0 },
    advanced: { maxUninitialized: 0 },
    createServer: () => {
      const server = new McpServer({ name: "l", version: "1" }, { capabilities: { logging: {} } });
      server.server.oninitialized = () => void sendForEver(server).catch(() => undefined);
      return server;
    },
  });
  const listener = express().use(router).listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as { port: number };
  const sockets: Socket[] = [];
  for (let index = 0; index < READERS; index++) sockets.push(await pausedReader(port));
  await whenNothingMoves();
  const full = { held: held(), sent };
  for (const socket of sockets) await sip(socket);
  await whenNothingMoves();
  const fuller = { held: held(), sent };
  process.stdout.write(JSON.stringify({ readers: router.sessions.size, full, fuller }));
  process.exit(0);
}

void main();
