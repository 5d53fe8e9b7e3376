/**
 * A project that has SDK v1 and no other optional peer. It is type-checked and run where the packed
 * package is installed, as an ES module and as CommonJS.
 */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createSseRouter, MCPServer, principalOf, SSEServerTransport } from "express-mcp-sse";
import type { Principal } from "express-mcp-sse";
import { jwt } from "express-mcp-sse/strategies/jwt";

const secret = process.env.JWT_SECRET!;
const headers = JSON.parse(process.env["HEADERS"]!) as Record<string, Record<string, string>>;

// The documented configuration.
const server = new MCPServer({
  transport: {
    type: "sse",
    options: {
      port: 0,
      auth: {
        type: "jwt",
        options: {
          secret,
          algorithms: ["HS256"],
          issuer: "my-auth-service",
          audience: "my-mcp-server",
        },
      },
    },
  },
  setup(mcp, session) {
    const principal: Principal = session.principal;
    assert.ok(mcp instanceof McpServer, "the SDK is the copy that this project has");
    mcp.registerTool("whoami", {}, (extra) => ({
      content: [{ type: "text", text: principalOf(extra)?.id ?? `not ${principal.id}` }],
    }));
  },
});

async function main(): Promise<void> {
  await server.start();
  const url = new URL(server.url ?? "");

  const stranger = await fetch(url);
  assert.equal(stranger.status, 401);
  assert.match(stranger.headers.get("www-authenticate") ?? "", /^Bearer /);

  const client = new Client({ name: "consumer", version: "1.0.0" });
  const requestInit = { headers: headers["secret"]! };
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
  await client.connect(new SSEClientTransport(url, { requestInit }));
  const { content } = await client.callTool({ name: "whoami" });
  assert.deepEqual(content, [{ type: "text", text: "alice" }]);
  await client.close();
  await server.stop();
}

void main();

// Needs no further package.
jwt({ jwksUri: "https://auth.mycompany.com/.well-known/jwks.json", algorithms: ["RS256"] });

/** The other two ways to use the package; the types are what is checked here. */
export function connectByHand(res: ServerResponse): Promise<void> {
  return new McpServer({ name: "v1", version: "1" }).connect(
    new SSEServerTransport("/messages", res),
  );
}

export const app = express().use(
  createSseRouter({
    auth: jwt({ secret, algorithms: ["HS256"] }),
    createServer: ({ principal }) => new McpServer({ name: principal.id, version: "1" }),
  }),
);
