/** A program that uses the types of every entry; it is compiled, and never run. */
import { createPrivateKey } from "node:crypto";
import { createServer } from "node:http";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import {
  createSseRouter,
  fromPassport,
  MCPServer,
  MemoryStorage,
  SSEServerTransport,
} from "express-mcp-sse";
import type * as api from "express-mcp-sse";
import { apikey } from "express-mcp-sse/strategies/apikey";
import type * as contract from "express-mcp-sse/strategies/contract";
import { jwt } from "express-mcp-sse/strategies/jwt";
import { oauth } from "express-mcp-sse/strategies/oauth";
import { fromPassport as fromStrategy } from "express-mcp-sse/strategies/passport";

declare const mcp: McpServer;
declare const strategy: api.PassportStrategy;

const privateKey = createPrivateKey("…");

export const methods: readonly api.AuthMethod[] = [
  jwt({ secret: "s", algorithms: ["HS256"] }),
  apikey({ verify: (key) => ({ id: key }) }),
  oauth({
    issuerUrl: "https://login.example.com",
    clientId: "c",
    clientSecret: "s",
    signIn: {
      storage: new MemoryStorage(),
      keys: { signing: [privateKey.export({ format: "jwk" })] },
    },
  }),
  fromPassport(strategy, { principal: (user) => ({ id: String(user) }) }),
  fromStrategy(strategy, { name: "own", principal: () => ({ id: "a" }) }),
];

export const router: api.SseRouter = createSseRouter({
  createServer: ({ principal, request }) => {
    const id: string = principal.id + (request?.url ?? "");
    return id === "" ? Promise.resolve(mcp) : mcp;
  },
  auth: [
    ...methods,
    { type: "apikey", options: { verify: (key) => ({ id: key.trim() }) } },
    { type: "jwt", options: { jwksUri: "https://a.example/keys", algorithms: ["RS256"] } },
  ],
});

const app = express();
app.use("/mcp", router).use(router.wellKnown);
app.get("/me", router.guard, (req, res) => void res.json(req.path));
createServer(router.ahead(app)).listen(0);

export const server: api.MCPServer = new MCPServer({
  setup(sdk, { principal }) {
    sdk.registerTool("whoami", {}, () => ({ content: [{ type: "text", text: principal.id }] }));
  },
  transport: {
    type: "sse",
    options: { auth: { type: "apikey", options: { verify: (key) => ({ id: key.trim() }) } } },
  },
});

createSseRouter({
  auth: false,
  createServer({ principal }) {
    const nobody: undefined = principal;
    return [nobody, mcp][1]!;
  },
});

app.get("/sse", async (_req, res) => {
  await mcp.connect(new SSEServerTransport("/messages", res));
});

// @ts-expect-error -- not whatever is written, so no type is lost on the way
jwt({ secret: "s", algorithms: ["none"] });

// @ts-expect-error -- nor the principal
createSseRouter({ auth: methods[0]!, createServer: ({ principal }) => principal });

export type Contract = typeof contract;
