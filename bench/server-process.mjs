/** The process of one measured server; run.mjs tells it what to do. */
import process from "node:process";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { serve } from "./child.mjs";
import { startProfile, stopProfile } from "./profile.mjs";
import { nowUs } from "./servers/echo-tool.mjs";

let server;

async function start({ module, secrets, options = {} }) {
  const { start: startServer } = await import(`./servers/${module}.mjs`);
  server = await startServer({ secrets, options });
  const { port, missing, notifyAll } = server;
  return { port, missing, notifies: notifyAll !== undefined };
}

function cpu() {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, atUs: nowUs() };
}

/** Memory once everything that can be collected is; finalizers need a few turns. */
async function memory() {
  for (let turn = 0; turn < 6; turn++) {
    globalThis.gc();
    await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}

/** Ends what is left of clients that have gone. */
function clear() {
  server.clear?.();
}

/** Lets go of all that it has, as before it ends. @returns milliseconds that took. */
async function close() {
  const begunAt = performance.now();
  await server.close();
  return performance.now() - begunAt;
}

async function notify(notification) {
  return await server.notifyAll(notification);
}

serve({ start, cpu, memory, notify, clear, close, startProfile, stopProfile });
