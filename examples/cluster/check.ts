import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { connect, connectStreamable } from "../support/client.js";
import { startNginx } from "../support/nginx.js";
import { freePort, start, startRedis } from "../support/processes.js";
import type { Running } from "../support/processes.js";

/** Each node is a process of its own. */
const SERVER = join(import.meta.dirname, "server.ts");

const key = randomBytes(24).toString("hex");
const redis = await startRedis();
const ports = [await freePort(), await freePort(), await freePort()] as const;
const secret = randomBytes(32).toString("hex");

function startNode(port: number): Promise<Running> {
  const env = {
    ...process.env,
    ...{ PORT: String(port), NODE_NAME: String(ports.indexOf(port) + 1), LEAVE_AFTER_MS: "0" },
    ...{ REDIS_URL: redis.url, CLUSTER_SECRET: secret, API_KEY_1: key },
  };
  const args = ["--import", "tsx", SERVER];
  return start(process.execPath, args, env, (line) => line === "listening");
}

/** Puts something into a client's basket. @returns what is in it, and the node that says so. */
async function add(client: Client, item: string): Promise<{ basket: string; node: number }> {
  const { content } = await client.callTool({ name: "add", arguments: { item } });
  const [{ text }] = content as [{ text: string }];
  const [, basket, node] = /^(.*) \(at node (\d)\)$/.exec(text)!;
  return { basket: basket!, node: Number(node) };
}

const nodes = new Map(
  await Promise.all(ports.map(async (port) => [port, await startNode(port)] as const)),
);
const nginx = await startNginx(ports);
const headers = { "x-api-key": key };
const clients = [
  await connect(`${nginx.origin}/mcp/sse`, headers),
  await connectStreamable(`${nginx.origin}/mcp`, headers),
];
console.log("three nodes, nginx without affinity, a client of HTTP+SSE and one of Streamable HTTP");

// nginx gives each of these to another node. They reach the session all the same.
for (const client of clients) {
  const seen = [await add(client, "apples"), await add(client, "pears"), await add(client, "figs")];
  assert.equal(new Set(seen.map(({ node }) => node)).size, 1);
  assert.equal(seen[2]!.basket, "apples, pears, figs");
  console.log(`requests went to every node; the session is at node ${seen[0]!.node}`);
}

// A rolling deploy: each node is left out, told to leave, and started anew, while clients call.
let isDeployed = false;
const calls = clients.map(async (client) => {
  for (let count = 1; ; count++) {
    const { basket } = await add(client, `nuts ${count}`);
    assert.equal(basket.split(", ").length, 3 + count);
    if (isDeployed) return count;
    await sleep(100);
  }
});
for (const port of ports) {
  await nginx.leaveOut(port);
  const { child, ended } = nodes.get(port)!;
  child.kill("SIGTERM");
  await ended;
  nodes.set(port, await startNode(port));
  await nginx.leaveOut();
}
isDeployed = true;
const counts = await Promise.all(calls);
console.log(`all nodes were started anew; of ${counts.join(" and ")} calls meanwhile none failed`);

// A crash: the node that has the session is gone without a word.
for (const client of clients) {
  const { node } = await add(client, "plums");
  const port = ports[node - 1]!;
  const { child, ended } = nodes.get(port)!;
  child.kill("SIGKILL");
  await ended;
  // A call that is on its way to a node when that dies is refused: whoever calls may call again.
  const after = await add(client, "dates").catch(() => add(client, "dates"));
  assert.notEqual(after.node, node);
  // What was put in within the last moment may be lost with the node.
  assert.match(after.basket, /^apples, pears, figs, nuts 1, .*dates$/);
  console.log(`node ${node} was killed; the session goes on at node ${after.node}`);
  nodes.set(port, await startNode(port));
}

await Promise.all(clients.map((client) => client.close()));
await nginx.stop();
for (const { child, ended } of [...nodes.values(), redis.running]) {
  child.kill("SIGKILL");
  await ended;
}
