import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { callTool, connect, connectStreamable } from "../support/client.js";

process.env.PORT = "0";

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;

// Two at once: each hears the answers to its own calls.
const clients = await Promise.all([
  connect(`${origin}/sse`),
  connect(`${origin}/sse`),
  connectStreamable(`${origin}/mcp`),
  connectStreamable(`${origin}/mcp`),
]);
for (const client of clients) assert.equal(await callTool(client, "ping"), "pong");
const unknown = await fetch(`${origin}/messages?sessionId=unknown`, { method: "POST" });
assert.equal(unknown.status, 404);
const ended = await fetch(`${origin}/mcp`, { headers: { "mcp-session-id": "unknown" } });
assert.equal(ended.status, 404);
for (const client of clients) await client.close();

process.emit("SIGTERM");
