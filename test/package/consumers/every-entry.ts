/** A program that uses the types of every entry; it is compiled, and never run. */
import { createPrivateKey } from "node:crypto";
import { createServer } from "node:http";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import {
  createMcpRouter,
  createSseRouter,
  fromPassport,
  MCPServer,
  MemoryStorage,
  SSEServerTransport,
} from "express-mcp-sse";
import type * as api from "express-mcp-sse";
import { clusterEngineContract } from "express-mcp-sse/cluster/contract";
import type { ClusterEngineFixture, Outage } from "express-mcp-sse/cluster/contract";
import { memoryCluster } from "express-mcp-sse/cluster/memory";
import type { MemoryClusterOptions } from "express-mcp-sse/cluster/memory";
import { redisCluster, RedisStorage } from "express-mcp-sse/cluster/redis";
import type { RedisClient, RedisClusterOptions } from "express-mcp-sse/cluster/redis";
import { instrument } from "express-mcp-sse/otel";
import type { Instrumentation } from "express-mcp-sse/otel";
import { apikey } from "express-mcp-sse/strategies/apikey";
import type * as contract from "express-mcp-sse/strategies/contract";
import { jwt } from "express-mcp-sse/strategies/jwt";
import { oauth } from "express-mcp-sse/strategies/oauth";
import { fromPassport as fromStrategy } from "express-mcp-sse/strategies/passport";
import { connectTestClient, createTestIssuer, expectAccess } from "express-mcp-sse/testing";
import type { ConnectedTestClient, SdkClientV1, TestIssuer } from "express-mcp-sse/testing";

declare const mcp: McpServer;
declare const strategy: api.PassportStrategy;
// No client of Redis is installed where this is compiled.
declare const client: RedisClient;
declare const outage: Outage;

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

const options: RedisClusterOptions = { client, secret: ["new", "old"], leaseMs: 5_000 };
const local: MemoryClusterOptions = { calls: "recent" };
const secret: api.ClusterOptions["secret"] = options.secret;
const createEngine = (): api.ClusterEngine => memoryCluster(local).createEngine();
const clusters: readonly api.ClusterInit[] = [
  redisCluster(options),
  memoryCluster(),
  { createEngine, secret },
];
const storage: api.SignInStorage = new RedisStorage({ client, prefix: "app" });
const fixture: ClusterEngineFixture = {
  create: createEngine,
  outage,
  cut: { notApplicable: "it has no connections" },
};
export const names: readonly string[] = clusterEngineContract(fixture).map(({ name }) => name);

export const node: api.McpRouter = createMcpRouter({
  auth: oauth({
    issuerUrl: "https://login.example.com",
    clientId: "c",
    clientSecret: "s",
    signIn: { storage },
  }),
  createServer: ({ principal }) => (principal.id === "" ? Promise.resolve(mcp) : mcp),
  cluster: clusters[0]!,
});
export const nodes: readonly api.ClusterNode[] = node.cluster?.nodes() ?? [];

export const instrumentation: Instrumentation = instrument({ meterProvider: false });

// @ts-expect-error -- no provider
instrument({ tracerProvider: { getMeter: () => undefined } });

// @ts-expect-error -- a client of something else
redisCluster({ client: { query: () => [] }, secret: "s" });

// @ts-expect-error -- not whatever is written, so no type is lost on the way
jwt({ secret: "s", algorithms: ["none"] });

// @ts-expect-error -- nor the principal
createSseRouter({ auth: methods[0]!, createServer: ({ principal }) => principal });

export async function test(issuer: TestIssuer): Promise<ConnectedTestClient<SdkClientV1>> {
  createMcpRouter({ auth: [issuer.auth, issuer.jwtAuth], createServer: () => mcp });
  const bearer = issuer.sign({ sub: "ada" }, { expiresIn: -1 });
  await connectTestClient(app, { bearer });
  await connectTestClient(server, { transport: "sse" });
  await expectAccess(node, { callers: { ada: undefined }, tools: { look: ["ada"] } });

  // @ts-expect-error -- a caller that is not among the callers
  await expectAccess(node, { callers: { ada: undefined }, tools: { look: ["bob"] } });

  const client = await connectTestClient(router, { bearer: (await createTestIssuer()).sign() });
  // @ts-expect-error -- a client is a client, and no target
  await connectTestClient(client);
  return client;
}

export type Contract = typeof contract;
