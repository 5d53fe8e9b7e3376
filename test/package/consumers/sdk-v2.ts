/**
 * A project that has SDK v2, and neither SDK v1 nor another optional peer. It is type-checked and
 * run where the packed package is installed.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, SSEClientTransport } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import express from "express";
import {
  createSseRouter,
  FileStorage,
  MCPServer,
  principalOf,
  SSEServerTransport,
} from "express-mcp-sse";
import { oauth } from "express-mcp-sse/strategies/oauth";
import { jwt } from "express-mcp-sse/strategies/jwt";

const key = "0f5c1e9b7d2a48360f5c1e9b7d2a4836";

const router = createSseRouter({
  auth: { type: "apikey", options: { keys: [{ id: "laptop", key }], headerName: "X-API-Key" } },
  createServer({ principal }) {
    const server = new McpServer({ name: "v2", version: "1" });
    server.registerTool("whoami", {}, (ctx) => ({
      content: [{ type: "text", text: principalOf(ctx)?.id ?? `not ${principal.id}` }],
    }));
    return server;
  },
});
const http = express().use("/mcp", router).listen(0, "127.0.0.1");
await once(http, "listening");
const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp/sse`);

assert.equal((await fetch(url)).status, 401);
const client = new Client({ name: "consumer", version: "1.0.0" });
const headers = { "x-api-key": key };
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
await client.connect(new SSEClientTransport(url, { requestInit: { headers } }));
const { content } = await client.callTool({ name: "whoami" });
assert.deepEqual(content, [{ type: "text", text: "laptop" }]);
await client.close();
await router.close();
http.closeAllConnections();
http.close();

jwt({ secret: key, algorithms: ["HS256"] });
const issuer = { issuerUrl: "https://auth.example.com", clientId: "c", clientSecret: "s" };
oauth({ ...issuer, audience: "a" });

// What needs a package that is not here says which one.
assert.throws(
  () =>
    createSseRouter({
      publicUrl: "https://mcp.example.com",
      auth: { type: "oauth", options: { ...issuer, signIn: true } },
      createServer: () => new McpServer({ name: "v2", version: "1" }),
    }),
  /^Error: signIn needs the package oidc-provider\. Run: npm install oidc-provider@~9\.13\.3$/,
);
assert.throws(
  () => new FileStorage({ path: "sign-in.db" }),
  /^Error: FileStorage needs the package libsql\. Run: npm install libsql$/,
);
await assert.rejects(
  new MCPServer().start(),
  /needs version 1 of the SDK: npm install @modelcontextprotocol\/sdk/,
);
/** The types of the remaining way to use the package. */
export function connectByHand(res: ServerResponse): Promise<void> {
  return new McpServer({ name: "v2", version: "1" }).connect(
    new SSEServerTransport("/messages", res),
  );
}
