import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Client, SSEClientTransport } from "@modelcontextprotocol/client";
import jsonwebtoken from "jsonwebtoken";
import { bearer, statusOf } from "../support/client.js";

const secret = randomBytes(32).toString("base64url");
Object.assign(process.env, { PORT: "0", JWT_SECRET: secret });

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp/sse`;

const headers = bearer(
  jsonwebtoken.sign({}, secret, {
    ...{ subject: "alice", issuer: "my-auth-service", audience: "my-mcp-server" },
    expiresIn: "5m",
  }),
);
const client = new Client({ name: "example-client", version: "1.0.0" });
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
await client.connect(new SSEClientTransport(new URL(url), { requestInit: { headers } }));
const { content } = await client.callTool({ name: "greet", arguments: { greeting: "Hello" } });
assert.deepEqual(content, [{ type: "text", text: "Hello, alice!" }]);
await client.close();
assert.equal(await statusOf(url), 401);

process.emit("SIGTERM");
