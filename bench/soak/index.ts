/**
 * Sessions that open, call, drop, return and leave, for a bounded time; and what is left of them.
 *
 *     node --expose-gc --import tsx bench/soak/index.ts [sessions = 5000] [seconds = 60]
 *
 * Ends with status 1 when the memory afterwards is more than 10 % above the memory before.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { z } from "zod";
import { createSseRouter } from "../../src/index.js";

const [sessions = 5_000, seconds = 60] = process.argv.slice(2).map(Number);
/** Longer than a busy machine needs to let a client return. */
const PATIENCE_MS = 15_000;
const ALLOWED = 1.1;

const keys = Array.from({ length: 50 }, (_unused, index) => ({
  id: `caller-${index}`,
  key: `soak-key-number-${index}`,
}));

const router = createSseRouter({
  auth: { type: "apikey", options: { keys } },
  sessions: { maxSessionsPerPrincipal: 0 },
  resume: { graceMs: PATIENCE_MS, retryMs: 50 },
  advanced: { maxUninitialized: 0, probeMs: PATIENCE_MS },
  createServer: () => {
    const server = new McpServer({ name: "soak", version: "1" });
    server.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => ({
      content: [{ type: "text", text }],
    }));
    return server;
  },
});
const server = createServer(express().use(router)).listen(0, "127.0.0.1");
// A connection that ends while a client posts over it is no matter of this package.
server.keepAliveTimeout = 600_000;
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`;
const reasons = new Map<string, number>();
router.sessions.on("closed", (_session, reason) => {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
});

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** What JavaScript holds; what the allocator holds beyond that is its own affair. */
function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function report(what: string): void {
  const { rss, heapUsed } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (name: string): number => resources.filter((one) => one === name).length;
  process.stdout.write(
    `${what}: ${router.sessions.size} sessions, RSS ${mib(rss)}, heap ${mib(heapUsed)}, ` +
      `${count("Timeout")} timers, ${count("TCPSocketWrap")} sockets\n`,
  );
}

/** The memory when nothing is going on. */
async function settled(): Promise<number> {
  if (global.gc === undefined) throw new Error("run it with --expose-gc");
  for (let round = 0; round < 4; round++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return heldBytes();
}

async function run(count: number, forSeconds: number): Promise<void> {
  const program = join(import.meta.dirname, "clients.ts");
  const args = ["--import", "tsx", program, url, String(count), String(forSeconds)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  const timer = setInterval(() => report("running"), 5_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(timer);
  if (code !== 0) report(`failed after ${JSON.stringify(Object.fromEntries(reasons))}`);
  if (code !== 0) throw new Error(`the clients ended with ${String(code)}`);
  while (router.sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  server.closeIdleConnections();
}

// Code is compiled and pools are filled by the first of them.
await run(Math.ceil(sessions / 2), Math.ceil(seconds / 4));
const before = await settled();
report("before");
await run(sessions, seconds);
const after = await settled();
report("after");
process.stdout.write(`ended: ${JSON.stringify(Object.fromEntries(reasons))}\n`);
await router.close();
server.close();
const ratio = after / before;
process.stdout.write(`memory: ${mib(before)} before, ${mib(after)} after (${ratio.toFixed(3)})\n`);
if (ratio > ALLOWED) {
  process.stderr.write(`more than ${ALLOWED} times what it was\n`);
  process.exitCode = 1;
}
