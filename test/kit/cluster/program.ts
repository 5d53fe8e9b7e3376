// A program for tests of several processes: one node of a cluster, with servers of SDK v1 and v2. SIGTERM drains it.
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createMcpHandler } from "@modelcontextprotocol/server";
import express from "express";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { redisCluster } from "../../../src/redis/index.js";
import type { RedisClusterOptions } from "../../../src/redis/index.js";
import { createMcpRouter } from "../../../src/index.js";
import type { McpRouter, Principal, SessionInfo } from "../../../src/index.js";
import { createServerV1, createServerV2 } from "./servers.js";
import type { NodeReport, NodeSettings } from "./settings.js";

const settings = JSON.parse(process.argv[2] ?? "") as NodeSettings;

/** SDK v1 at `/v1`, SDK v2 at `/v2`. */
const MAJORS = [1, 2] as const;

/**
 * What its users' `preStop` waits for, in milliseconds: a worker of nginx that was told to go still passes on what it
 * has read.
 */
const BALANCER_MS = 250;

const report = (message: NodeReport): void => {
  // Whoever started it may be gone.
  if (process.connected) process.send?.(message);
};

const log = (level: string) => (line: string) => void process.stderr.write(`${level}: ${line}\n`);
const logger = {
  debug: () => undefined,
  info: log("info"),
  warn: log("warn"),
  error: log("error"),
};

type Client = RedisClusterOptions["client"];

/** A client as docs/cluster.md has it, and the way to be rid of it. */
async function connectRedis(): Promise<{ client: Client; leave: () => void }> {
  const { client: kind, redisUrl } = settings;
  if (kind === "ioredis") {
    const client = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    client.on("error", () => undefined);
    await once(client, "ready");
    return { client, leave: () => client.disconnect() };
  }
  const client = createClient({ url: redisUrl, disableOfflineQueue: true });
  client.on("error", () => undefined);
  await client.connect();
  return { client, leave: () => client.destroy() };
}

function createRouter(major: 1 | 2, client: Client): McpRouter {
  const create = major === 1 ? createServerV1 : createServerV2;
  const router = createMcpRouter({
    auth: [
      { type: "jwt", options: { secret: settings.jwtSecret, algorithms: ["HS256"] } },
      { type: "apikey", options: { keys: settings.keys } },
    ],
    createServer: (session: SessionInfo<Principal>) => {
      const { id, isMoved, era } = session;
      if (era !== "2026") report({ kind: "opened", session: id, isMoved });
      return create(session, (name) => report({ kind: "ran", name }));
    },
    streamable: { modern: major === 2 ? createMcpHandler : false },
    resume: { retryMs: settings.retryMs },
    sessions: { maxSessionsPerPrincipal: 0 },
    logger,
    cluster: redisCluster({
      client,
      secret: settings.secret,
      prefix: `test-v${major}`,
      ...settings.cluster,
    }),
  });
  router.sessions.on("begun", ({ id, isMoved }) => {
    if (!isMoved) report({ kind: "begun", session: id });
  });
  router.sessions.on("closed", ({ id }, reason) => {
    report({ kind: "closed", session: id, reason });
  });
  return router;
}

async function main(): Promise<void> {
  const { client, leave } = await connectRedis();
  const routers = MAJORS.map((major) => createRouter(major, client));
  const app = express();
  let isReady = true;
  app.get("/ready", (_req, res) => void res.status(isReady ? 200 : 503).end());
  routers.forEach((router, index) => app.use(`/v${MAJORS[index]}`, router));
  const listener = settings.isAhead
    ? routers.reduce<RequestListener>((next, router) => router.ahead(next), app)
    : app;
  const server = createServer(listener).listen(settings.port, "127.0.0.1");
  await once(server, "listening");

  /** Whoever started it is gone. */
  const end = (): void => process.exit();
  process.once("disconnect", end);

  /** It listens until its sessions have left: others' requests may still be on their way. */
  const drain = async (): Promise<void> => {
    isReady = false;
    await sleep(BALANCER_MS);
    await Promise.all(routers.map((router) => router.close({ timeoutMs: 5_000 })));
    server.close();
    server.closeIdleConnections();
    await once(server, "close");
    leave();
    process.off("disconnect", end);
    process.disconnect();
  };
  process.once("SIGTERM", () => void drain());
  report({ kind: "ready" });
}

void main();
