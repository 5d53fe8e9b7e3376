/** A server that people sign in at: its metadata, its key, and a client that registers. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createSseRouter } from "express-mcp-sse";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  void checkAll().finally(() => {
    server.closeAllConnections();
    server.close();
  });
});

async function checkAll(): Promise<void> {
  const { port } = server.address() as { port: number };
  const origin = `http://127.0.0.1:${port}`;
  const router = createSseRouter({
    publicUrl: `${origin}/mcp`,
    auth: {
      type: "oauth",
      options: {
        issuerUrl: process.env.AUTH_ISSUER!,
        clientId: process.env.OAUTH_CLIENT_ID!,
        clientSecret: process.env.OAUTH_CLIENT_SECRET!,
        scopes: ["mcp:read"],
        signIn: true,
      },
    },
    createServer: () => new McpServer({ name: "sign-in", version: "1.0.0" }),
  });
  server.on("request", express().use(router.wellKnown).use("/mcp", router));

  assert.equal((await fetch(`${origin}/mcp/sse`)).status, 401);
  const metadata = await fetch(`${origin}/.well-known/oauth-authorization-server/mcp`);
  const { issuer } = (await metadata.json()) as { issuer: string };
  assert.equal(issuer, `${origin}/mcp`);

  // These two are the engine's.
  const jwks = await fetch(`${origin}/mcp/oauth/jwks`);
  const { keys } = (await jwks.json()) as { keys: readonly unknown[] };
  assert.equal(keys.length, 1);
  const registered = await fetch(`${origin}/mcp/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: ["http://127.0.0.1:1/callback"],
      token_endpoint_auth_method: "none",
    }),
  });
  assert.equal(registered.status, 201, await registered.text());
  await router.close({ timeoutMs: 0 });
}
