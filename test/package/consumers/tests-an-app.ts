/** The tests of somebody's app, with what the package has for them. The test runner of the project runs them. */
import assert from "node:assert/strict";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import express from "express";
import type { Express } from "express";
import { createApiKey, createMcpRouter, principalOf } from "express-mcp-sse";
import type { AuthConfig } from "express-mcp-sse";
import { connectTestClient, createTestIssuer, expectAccess } from "express-mcp-sse/testing";

function createApp(auth: AuthConfig): Express {
  const createServer = (): McpServer => {
    const server = new McpServer({ name: "tested", version: "1.0.0" });
    server.registerTool("whoami", {}, (extra) => ({
      content: [{ type: "text", text: String(principalOf(extra)?.id) }],
    }));
    server.registerTool("purge", {}, () => ({ content: [] }));
    return server;
  };
  const policy = { tools: { purge: { scopes: "admin" } } } as const;
  return express().use("/mcp", createMcpRouter({ auth, createServer, policy }));
}

test("a tool knows whose API key it is, over either transport", async () => {
  const { key, entry } = createApiKey({ id: "ada" });
  const app = createApp({ type: "apikey", options: { keys: [entry] } });
  for (const transport of ["sse", "streamable-http"] as const) {
    const client = await connectTestClient(app, { apiKey: key, transport });
    const { content } = await client.callTool({ name: "whoami" });
    assert.deepEqual(content, [{ type: "text", text: "ada" }]);
    // The client is of the SDK that the test itself loads.
    await assert.rejects(client.getPrompt({ name: "none" }), McpError);
    await client.close();
  }
  await assert.rejects(connectTestClient(app), { name: "TestClientError", status: 401 });
});

test("tokens count while their key does, and an outage is no refusal", async () => {
  const issuer = await createTestIssuer();
  const early = issuer.sign();
  for (const auth of [issuer.auth, issuer.jwtAuth]) {
    const client = await connectTestClient(createApp(auth), { bearer: issuer.sign() });
    await client.close();
  }
  await issuer.rotateKeys({ withdrawOld: true });
  const late = connectTestClient(createApp(issuer.auth), { bearer: early });
  await assert.rejects(late, { status: 401 });
  issuer.stopAnswering();
  const away = connectTestClient(createApp(issuer.auth), { bearer: issuer.sign() });
  await assert.rejects(away, { status: 503 });
  await issuer.close();
});

test("who may call what is told, and what differs is shown", async () => {
  const issuer = await createTestIssuer({ algorithm: "ES256" });
  const callers = { ada: issuer.sign({ scope: "admin" }), bob: issuer.sign(), eve: undefined };
  const app = createApp(issuer.auth);
  await expectAccess(app, { callers, tools: { whoami: ["ada", "bob"], purge: ["ada"] } });
  await assert.rejects(expectAccess(app, { callers, tools: { whoami: ["ada", "bob"] } }), {
    name: "AssertionError",
    message: /^tool purge {2}ada {5}not named {2}yes$/m,
  });
  await issuer.close();
});
