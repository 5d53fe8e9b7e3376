// A program for exit.test.ts: opens sessions, cuts their streams, closes everything, and is done.
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { createSseRouter, MCPServer } from "../../src/index.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import type { FaultClient } from "../kit/sdk-clients.js";
import { Calls, serverV1, serverV2 } from "../kit/faults/servers.js";

const isPolite = process.argv[2] === "politely";
const listener = { onNotification: () => undefined, onSampling: () => "" };
const calls = new Calls();

async function connectBoth(url: string): Promise<FaultClient[]> {
  return [await clientV1.connect(url, { listener }), await clientV2.connect(url, { listener })];
}

async function runRouter(): Promise<void> {
  const streams = new Set<ServerResponse>();
  const app = express();
  app.use((req, res, next) => {
    if (req.method === "GET") streams.add(res.on("close", () => streams.delete(res)));
    next();
  });
  const kits = [serverV1, serverV2];
  const router = createSseRouter({
    auth: false,
    resume: { retryMs: 1 },
    createServer: () => kits.shift()!.create(calls),
  });
  app.use(router);
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients = await connectBoth(`http://127.0.0.1:${port}/sse`);
  const held = clients.map((client, index) => client.call("held", { name: `held ${index}` }));
  await Promise.all(held.map((_call, index) => calls.started(`held ${index}`)));
  for (const stream of streams) stream.destroy();
  for (const index of held.keys()) calls.release(`held ${index}`);
  process.stdout.write(`${(await Promise.all(held)).join(", ")}\n`);
  // One leaves, and its session waits for it; the other has a call under way.
  await clients[0]!.close();
  const last = clients[1]!.call("held", { name: "last" }).catch(() => "unanswered");
  await calls.started("last");
  if (isPolite) calls.release("last");
  await router.close({ timeoutMs: isPolite ? 10_000 : 0 });
  process.stdout.write(`${isPolite ? await last : "closed"}\n`);
  await clients[1]!.close();
  calls.release("last");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function runServer(): Promise<void> {
  const server = new MCPServer({
    setup: () => undefined,
    transport: { type: "sse", options: { port: 0, resume: { retryMs: 1 }, logger: false } },
  });
  await server.start();
  const clients = await connectBoth(server.url!);
  for (const client of clients) await client.ping();
  await clients[0]!.close();
  await server.stop({ timeoutMs: 0 });
  await clients[1]!.close();
}

process.once("beforeExit", () => {
  const handles = process.getActiveResourcesInfo().filter((kind) => !kind.startsWith("Pipe"));
  process.stdout.write(`${JSON.stringify(handles)}\n`);
});
void runRouter().then(runServer);
