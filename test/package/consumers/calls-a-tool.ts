/**
 * The tests of somebody who uses the package: a router for each method, a stranger, and a client
 * that calls a tool. The test runner of the project runs them.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createSseRouter, principalOf } from "express-mcp-sse";
import type { AuthConfig } from "express-mcp-sse";

const { env } = process;
const headersOf = JSON.parse(env["HEADERS"]!) as Record<string, Record<string, string>>;
const credentials = {
  clientId: env.OAUTH_CLIENT_ID!,
  clientSecret: env.OAUTH_CLIENT_SECRET!,
};

const methods: [string, AuthConfig, string][] = [
  [
    "jwt with a secret",
    { type: "jwt", options: { secret: env.JWT_SECRET!, algorithms: ["HS256"] } },
    "secret",
  ],
  [
    "jwt with a JWKS",
    {
      type: "jwt",
      options: {
        jwksUri: `${env.AUTH_ISSUER!}/.well-known/jwks.json`,
        algorithms: ["RS256"],
      },
    },
    "issued",
  ],
  ["API keys", { type: "apikey", options: { keys: [env.API_KEY_1!] } }, "apikey"],
  [
    "OAuth",
    {
      type: "oauth",
      options: { issuerUrl: env.AUTH_ISSUER!, ...credentials, audience: "my-mcp-server" },
    },
    "issued",
  ],
];

test.each(methods)("a tool knows who is calling by %s", async (_name, auth, caller) => {
  const router = createSseRouter({
    auth,
    createServer() {
      const server = new McpServer({ name: "tested", version: "1.0.0" });
      server.registerTool("whoami", {}, (extra) => ({
        content: [{ type: "text", text: String(principalOf(extra)?.method) }],
      }));
      return server;
    },
  });
  const listener = express().use("/mcp", router).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const url = new URL(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp/sse`);
  expect((await fetch(url)).status).toBe(401);

  const client = new Client({ name: "test", version: "1.0.0" });
  const requestInit = { headers: headersOf[caller]! };
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
  await client.connect(new SSEClientTransport(url, { requestInit }));
  const { content } = await client.callTool({ name: "whoami" });
  expect(content).toEqual([{ type: "text", text: (auth as { type: string }).type }]);

  await client.close();
  await router.close({ timeoutMs: 0 });
  listener.close();
});
