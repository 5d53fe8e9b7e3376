import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";
import { redisCluster } from "express-mcp-sse/cluster/redis";
import { createClient } from "redis";
import { z } from "zod";

const redis = createClient({ url: process.env.REDIS_URL!, disableOfflineQueue: true });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));
await redis.connect();

const mcp = createMcpRouter({
  auth: { type: "apikey", options: { keys: [{ id: "reporting", key: process.env.API_KEY_1! }] } },
  // All nodes have the same secret.
  cluster: redisCluster({ client: redis, secret: process.env.CLUSTER_SECRET! }),
  createServer(session) {
    const server = new McpServer({ name: "cluster", version: "1.0.0" });
    const inputSchema = { item: z.string() };
    server.registerTool("add", { description: "Fills the basket", inputSchema }, ({ item }) => {
      // What a server must not forget when its session moves to another node.
      const basket = [...((session.memo as string[] | undefined) ?? []), item];
      session.memo = basket;
      const text = `${basket.join(", ")} (at node ${process.env.NODE_NAME})`;
      return { content: [{ type: "text", text }] };
    });
    return server;
  },
});

const app = express();
let isLeaving = false;
app.get("/ready", (_req, res) => void res.sendStatus(isLeaving ? 503 : 200));
app.use("/mcp", mcp);
const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () =>
  console.log("listening"),
);

process.once("SIGTERM", () => void leave());

async function leave(): Promise<void> {
  isLeaving = true;
  await sleep(Number(process.env.LEAVE_AFTER_MS ?? 5_000)); // until the balancer has seen it
  await mcp.close(); // its sessions go on at other nodes
  listener.close();
  await redis.close();
}
