/**
 * A server with two keys and large tools. Run with a small heap, it says what it holds whenever its
 * parent asks.
 */
import { setTimeout as later } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { z } from "zod";
import { createSseRouter } from "../../../../src/index.js";
import type { FromServer } from "./client.js";

const KEYS = ["heavy", "other"].map((id) => ({ id, key: `${id}-0123456789abcdef` }));

function createServer(): McpServer {
  const server = new McpServer({ name: "bytes", version: "1" });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("answer", { inputSchema: { bytes: z.number() } }, ({ bytes }) =>
    text(Buffer.alloc(bytes, "x").toString("latin1")),
  );
  server.registerTool(
    "work",
    { inputSchema: { ms: z.number(), data: z.string() } },
    async ({ ms, data }) => {
      await later(ms);
      return text(String(data.length));
    },
  );
  return server;
}

const tell = (message: FromServer): void => void process.send?.(message);
const collect = (globalThis as unknown as { gc: () => void }).gc;

const router = createSseRouter({
  auth: { type: "apikey", options: { keys: KEYS } },
  createServer,
  logger: {
    debug: () => undefined,
    info: () => undefined,
    warn: (line) => tell({ kind: "warning", line }),
    error: (line) => tell({ kind: "warning", line }),
  },
});
router.sessions.on("limited", ({ limit, outcome, principal }) => {
  tell({ kind: "limited", what: `${principal?.id ?? "nobody"} ${limit} ${outcome}` });
});
router.sessions.on("closed", (_session, reason) => tell({ kind: "closed", reason }));

const listener = express()
  .use(router)
  .listen(0, "127.0.0.1", () => {
    tell({ kind: "port", port: (listener.address() as { port: number }).port });
  });

process.on("message", () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  tell({ kind: "memory", mebibytes: Math.round((heapUsed + external) / 2 ** 20) });
});
