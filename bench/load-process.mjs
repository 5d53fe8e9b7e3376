/** The process that makes the load; run.mjs tells it what to do. */
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { serve } from "./child.mjs";
import { Credentials } from "./load/credentials.mjs";
import { Lanes } from "./load/lanes.mjs";
import { PostPool } from "./load/post-pool.mjs";
import { Session } from "./load/session.mjs";
import { nowUs } from "./servers/echo-tool.mjs";
import { percentile } from "./stats.mjs";

let credentials;
let target;
let sessions = [];
let lanes;
let marked;

function prepare(secrets) {
  credentials = new Credentials(secrets);
}

/** A server to work on from now on. */
async function use({ port, credential }) {
  target = { port, lines: await credentials.of(credential), pool: new PostPool(port) };
  sessions = [];
}

/** Whether the server takes connections. */
function knock() {
  return new Promise((resolve) => {
    const socket = connect({ port: target.port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/**
 * Opens sessions until there are so many.
 *
 * @returns how many were opened in a second, the first of them not counted if `skip` says so.
 */
async function open({ count, concurrency = 8, skip = 0 }) {
  const { port, lines, pool } = target;
  const first = sessions.length;
  let next = first;
  let measuredFrom = performance.now();
  const worker = async () => {
    while (next < count) {
      const index = next++;
      if (index === first + skip) measuredFrom = performance.now();
      const session = new Session(port, pool, lines[index % lines.length]);
      sessions[index] = session;
      await session.open();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - measuredFrom) / 1000;
  return { perSecond: (count - first - skip) / seconds };
}

/** Starts calling, with the first so many sessions. */
function start({ count, width }) {
  lanes = new Lanes(sessions.slice(0, count), width);
  lanes.start();
}

/** What a caller without a credential hears: of a GET, and of a POST to somebody's session. */
async function tryAsStranger() {
  const { port, pool } = target;
  const stranger = new Session(port, pool, "");
  const get = await stranger.open().then(
    () => 200,
    (error) => Number(/answered (\d+)/.exec(error.message)?.[1]),
  );
  stranger.close();
  return { get, post: await sessions[0].postAsStranger() };
}

/** The window begins. */
function mark() {
  lanes.mark();
  marked = { at: performance.now(), cpu: process.cpuUsage(), answered: Session.answered };
}

/** The window ends: what was measured in it. */
async function stop() {
  const ms = performance.now() - marked.at;
  const { user, system } = process.cpuUsage(marked.cpu);
  const inWindow = lanes.take();
  const answered = Session.answered - marked.answered;
  await lanes.stop();
  // In a short run no call may have ended within the window; then those that were in flight count.
  const latencies = Float64Array.from(inWindow.length > 0 ? inWindow : lanes.take()).sort();
  return {
    perSecond: (latencies.length / ms) * 1000,
    p50: percentile(latencies, 50),
    p95: percentile(latencies, 95),
    p99: percentile(latencies, 99),
    // What the server asked of its clients meanwhile, for each call: a POST more.
    askedPerCall: answered / inWindow.length,
    // How busy the load generator itself was, of one core.
    loadBusy: (user + system) / 1000 / ms,
  };
}

/** One session asks for a large answer, several times. */
async function big({ bytes, repeats }) {
  const text = "x".repeat(1023);
  const latencies = [];
  for (let round = 0; round < repeats; round++) {
    const begunAt = performance.now();
    await new Promise((resolve, reject) => {
      sessions[0].call(text, Math.ceil(bytes / text.length), (problem) => {
        if (problem === undefined) resolve();
        else reject(new Error(problem));
      });
    });
    latencies.push(performance.now() - begunAt);
  }
  latencies.sort((a, b) => a - b);
  return { p50: percentile(latencies, 50) };
}

let heard;

/** From now on each session waits for this notification. */
function expect({ method, params }) {
  const wanted = JSON.stringify({ method, params });
  heard = new Promise((resolve, reject) => {
    let waiting = sessions.length;
    for (const session of sessions) {
      session.onNotification = ({ method, params }) => {
        if (JSON.stringify({ method, params }) !== wanted) reject(new Error("wrong notification"));
        if (--waiting === 0) resolve(nowUs());
      };
    }
  });
  // Whoever asks for it gets the rejection.
  heard.catch(() => undefined);
}

function leave() {
  if (target === undefined) return;
  for (const session of sessions) session.close();
  target.pool.close();
  sessions = [];
}

serve({
  prepare,
  use,
  knock,
  open,
  tryAsStranger,
  start,
  mark,
  stop,
  big,
  expect,
  heard: () => heard,
  leave,
});
