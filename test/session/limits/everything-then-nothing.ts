/**
 * A program that uses everything, closes it, and then has nothing left to wait for: it must end by
 * itself. Run by exit.test.ts.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import express from "express";
import { createSseRouter, MCPServer } from "../../../src/index.js";
import { createToolServer, registerTools } from "../../kit/tools.js";

const KEY = "a-key-of-nobody-in-particular";
const auth = { type: "apikey", options: { keys: [KEY] } } as const;
const headers = { "x-api-key": KEY };

async function useIt(url: string): Promise<{ client: Client; paused: Socket }> {
  const client = new Client({ name: "exit", version: "1" });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport under test
  await client.connect(new SSEClientTransport(new URL(url), { requestInit: { headers } }));
  await client.callTool({ name: "echo", arguments: { text: "hello" } });
  // A bad credential, for the throttle; a stream that never begins; one that is not read.
  await (await fetch(url, { headers: { "x-api-key": "a-bad-key-0123456789" } })).text();
  const { port, pathname } = new URL(url);
  const paused = connect(Number(port), "127.0.0.1").pause();
  paused.on("error", () => undefined);
  paused.write(`GET ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${KEY}\r\n\r\n`);
  // A client that comes back to nothing.
  const lost = new AbortController();
  const response = await fetch(url, {
    headers: { ...headers, "mcp-protocol-version": "2025-06-18" },
    signal: lost.signal,
  });
  await response.body?.getReader().read();
  lost.abort();
  return { client, paused };
}

async function main(): Promise<void> {
  const server = new MCPServer({
    setup: registerTools,
    transport: { type: "sse", options: { auth, port: 0, logger: false } },
  });
  await server.start();
  const router = createSseRouter({ auth, createServer: () => createToolServer() });
  const app = express().use("/mcp", router);
  const listener = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as { port: number };
  const used = [await useIt(server.url!), await useIt(`http://127.0.0.1:${port}/mcp/sse`)];
  await Promise.all([server.stop(), router.close()]);
  const closed = new Promise((resolve) => listener.close(resolve));
  for (const { client, paused } of used) {
    await client.close();
    paused.destroy();
  }
  await closed;
  process.stdout.write(`sessions: ${(server.sessions?.size ?? 0) + router.sessions.size}\n`);
}

await main();
