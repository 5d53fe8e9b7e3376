import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { callTool, connect, connectStreamable, statusOf } from "../support/client.js";

const key = randomBytes(24).toString("hex");
Object.assign(process.env, { PORT: "0", API_KEY_1: key });

const { listener, mcp } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`;
const headers = { "x-api-key": key };

// HTTP+SSE, of 2024: a client that knows nothing else.
const oldest = await connect(`${url}/sse`, headers);

// Streamable HTTP with sessions, of 2025. With the old URL, as after an update of the client.
const usual = await connectStreamable(`${url}/sse`, headers);

// Streamable HTTP without sessions, of 2026.
const newest = new Client(
  { name: "newest-client", version: "1.0.0" },
  { versionNegotiation: { mode: "auto" } },
);
await newest.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const answers = [await callTool(oldest, "whoami"), await callTool(usual, "whoami")];
const { content } = await newest.callTool({ name: "whoami" });
answers.push((content as { text: string }[])[0]!.text);
for (const answer of answers) console.log(`a tool was called by ${answer}`);
assert.deepEqual(answers, [
  "reporting, over sse of 2024",
  "reporting, over streamable of 2025",
  "reporting, over streamable of 2026",
]);

const counts = mcp.sessions.counts();
console.log("sessions:", counts);
assert.deepEqual(counts, { sse: 1, streamable: 1, unused: 0 });

// The same guard for all of them.
assert.equal(await statusOf(`${url}/sse`), 401);
assert.equal((await fetch(url, { method: "POST" })).status, 401);

await Promise.all([oldest.close(), usual.close(), newest.close()]);
process.emit("SIGTERM");
