/** A Redis for the benchmark, and how long a message takes through it. */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { createClient } from "redis";
import { Awake } from "./load/awake.mjs";
import { findFreePort } from "./servers/listen.mjs";

/** Ends Redis with whoever started it: then nothing is at the other end of its input any more. */
const GUARD = 'redis-server "$@" & pid=$!; cat >/dev/null; kill -KILL $pid';

/** Starts a Redis that keeps nothing. @throws Error where there is none to start. */
export async function startRedis() {
  const port = await findFreePort();
  const args = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const guard = spawn("sh", ["-c", GUARD, "sh", ...args.map(String)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  for await (const line of createInterface({ input: guard.stdout })) {
    if (!line.includes("Ready to accept connections")) continue;
    guard.stdout.resume();
    return { url: `redis://127.0.0.1:${port}`, stop: () => guard.stdin.end() };
  }
  throw new Error("redis-server does not start: apt-get install redis-server");
}

async function connectTo(url) {
  const client = createClient({ url });
  client.on("error", () => undefined);
  return await client.connect();
}

/** Repeats what it hears to whoever said it, until the process ends. */
export async function echo({ url }) {
  const [speaks, hears] = await Promise.all([connectTo(url), connectTo(url)]);
  await hears.subscribe("there", (message) => void speaks.publish("back", message));
}

/** As long as what is sent of a call. */
const MESSAGE = "m".repeat(720);

/**
 * Milliseconds of each of so many messages, there and back, one at a time. Whoever counts does not sleep, as the
 * load does not: Redis, and who repeats, have the same cores left for them as what is compared with this.
 */
export async function roundTrips({ url, count }) {
  const awake = new Awake();
  const [speaks, hears] = await Promise.all([connectTo(url), connectTo(url)]);
  let heard = () => undefined;
  await hears.subscribe("back", () => heard());
  const times = [];
  awake.start();
  for (let index = 0; index < count; index++) {
    const begunAt = performance.now();
    const back = new Promise((resolve) => (heard = resolve));
    await speaks.publish("there", MESSAGE);
    await back;
    times.push(performance.now() - begunAt);
  }
  awake.stop();
  speaks.destroy();
  hears.destroy();
  return times;
}
