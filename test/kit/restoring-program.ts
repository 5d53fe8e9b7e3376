// A program for tests that kill it: routers that restore sessions, on a port, with servers of SDK v1 and v2.
import express from "express";
import { createMcpRouter } from "../../src/index.js";
import { createFeatureServerV1, createFeatureServerV2, Stage } from "./feature-servers.js";

const [port, secret, keys] = process.argv.slice(2) as [string, string, string];

const app = express();
for (const [path, create] of [
  ["/v1", createFeatureServerV1],
  ["/v2", createFeatureServerV2],
] as const) {
  const router = createMcpRouter({
    auth: { type: "apikey", options: { keys: JSON.parse(keys) as { id: string; key: string }[] } },
    createServer: () => {
      const mcp = create(new Stage());
      // It says something by itself as soon as its client can hear.
      mcp.server.oninitialized = () => mcp.sendToolListChanged();
      return mcp;
    },
    resume: { retryMs: 50 },
    sessions: { restore: { secret } },
  });
  app.use(path, router);
}
app.listen(Number(port), "127.0.0.1", () => process.send?.("ready"));
