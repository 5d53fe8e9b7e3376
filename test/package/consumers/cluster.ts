/**
 * A cluster as its users have it, with Node's own test runner: nodes that have a client of Redis of another
 * package each, and an engine that is checked. It is type-checked and run where the packed package is installed, as an
 * ES module and as CommonJS.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";
import type { ClusterInit } from "express-mcp-sse";
import { clusterEngineContract } from "express-mcp-sse/cluster/contract";
import { memoryCluster } from "express-mcp-sse/cluster/memory";
import { redisCluster, RedisStorage } from "express-mcp-sse/cluster/redis";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { Redis as Valkey } from "iovalkey";
import { createClient, createCluster } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";

const url = process.env.REDIS_URL!;
const secret = "0f5c1e9b7d2a48360f5c1e9b7d2a4836";
const key = "7d2a48360f5c1e9b7d2a48360f5c1e9b";

const lazily = { lazyConnect: true };
const newest = createClient({ url });
const older = createClient5({ url });
const io = new Redis(url, lazily);
const io5 = new Redis5(url, lazily);
const valkey = new Valkey(url, lazily);

before(async () => {
  await Promise.all([newest.connect(), older.connect()]);
  await Promise.all([io.connect(), io5.connect(), valkey.connect()]);
});

after(() => {
  newest.destroy();
  older.destroy();
  io.disconnect();
  io5.disconnect();
  valkey.disconnect();
});

void test("nodes with clients of all packages have their sessions in common", () =>
  askedAtEveryNode([
    redisCluster({ client: newest, secret }),
    redisCluster({ client: older, secret }),
    redisCluster({ client: io, secret }),
    redisCluster({ client: io5, secret }),
    redisCluster({ client: valkey, secret }),
  ]));

void test("routers of one process have their sessions in common", () => {
  const cluster = memoryCluster();
  return askedAtEveryNode([cluster, cluster]);
});

void test("what one node has stored for its sign-in is taken once, by any of them", async () => {
  const one = new RedisStorage({ client: newest });
  const others = [
    new RedisStorage({ client: older }),
    new RedisStorage({ client: io }),
    new RedisStorage({ client: io5 }),
    new RedisStorage({ client: valkey }),
  ];
  await one.set("code", "of alice", 60_000);
  const taken = await Promise.all(others.map((other) => other.take("code")));
  assert.deepEqual(
    taken.filter((value) => value !== undefined),
    ["of alice"],
  );
});

const notApplicable = { notApplicable: "Redis is not this program's" };
for (const { name, run } of clusterEngineContract({
  create: redisCluster({ client: newest, secret }).createEngine,
  outage: notApplicable,
  cut: notApplicable,
})) {
  void test(name, run);
}

/** The clients for a cluster of Redis; the types are what is checked here. */
export function overClusters(): readonly ClusterInit[] {
  const rootNodes = [{ url }];
  return [
    redisCluster({ client: createCluster({ rootNodes }), secret }),
    redisCluster({ client: createCluster5({ rootNodes }), secret }),
    redisCluster({ client: new Cluster([url], lazily), secret }),
    redisCluster({ client: new Cluster5([url], lazily), secret }),
  ];
}

/** Has a session counted by its own server, at each node in turn. */
async function askedAtEveryNode(clusters: readonly ClusterInit[]): Promise<void> {
  const nodes = await Promise.all(clusters.map(serve));
  let [{ url: next }] = nodes as [(typeof nodes)[number]];
  const client = new Client({ name: "consumer", version: "1.0.0" });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(next), {
      requestInit: { headers: { "x-api-key": key } },
      fetch: (_url, init) => fetch(next, init),
    }),
  );
  for (const [index, node] of nodes.entries()) {
    next = node.url;
    const { content } = await client.callTool({ name: "count" });
    assert.deepEqual(content, [{ type: "text", text: `laptop ${index + 1}` }]);
  }
  await client.close();
  await Promise.all(nodes.map(({ close }) => close()));
}

async function serve(cluster: ClusterInit) {
  const router = createMcpRouter({
    auth: { type: "apikey", options: { keys: [{ id: "laptop", key }] } },
    createServer({ principal }) {
      const server = new McpServer({ name: "counting", version: "1.0.0" });
      let calls = 0;
      server.registerTool("count", {}, () => ({
        content: [{ type: "text", text: `${principal.id} ${++calls}` }],
      }));
      return server;
    },
    cluster,
  });
  const listener = express().use("/mcp", router).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`,
    close: async () => {
      await router.close({ timeoutMs: 0 });
      listener.closeAllConnections();
      listener.close();
    },
  };
}
