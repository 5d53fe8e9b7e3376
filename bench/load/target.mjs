import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { nowUs } from "../servers/echo-tool.mjs";
import { percentile } from "../stats.mjs";
import { Awake } from "./awake.mjs";
import { Lanes } from "./lanes.mjs";
import { PostPool } from "./post-pool.mjs";
import { Session } from "./session.mjs";
import { StreamableSession } from "./streamable-session.mjs";

/** A server that is called, and the sessions that are open at it. */
export class Target {
  #port;
  #era;
  #lines;
  #awake = new Awake();
  /** For POSTs, one for each server that gets some. */
  #pools;
  /** Connections of those sessions that share none with others. */
  #own = new Map();
  #sessions = [];
  #lanes;
  #marked;
  #heard;

  /**
   * @param era of its clients: 2024 for HTTP+SSE, 2025 and 2026 for Streamable HTTP.
   * @param lines header lines with the credentials of its users.
   * @param postPorts of the servers that get POSTs, each those of every so-manieth session.
   */
  constructor(port, era, lines, postPorts = [port]) {
    this.#port = port;
    this.#era = era;
    this.#lines = lines;
    this.#pools = postPorts.map((to) => new PostPool(to, this.#awake));
  }

  /** Whether the server takes connections. */
  knock() {
    return new Promise((resolve) => {
      const socket = connect({ port: this.#port, host: "127.0.0.1" });
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
  async open({ count, concurrency = 8, skip = 0 }) {
    const sessions = this.#sessions;
    const first = sessions.length;
    let next = first;
    let measuredFrom = performance.now();
    const worker = async () => {
      while (next < count) {
        const index = next++;
        if (index === first + skip) measuredFrom = performance.now();
        const line = this.#lines[index % this.#lines.length];
        sessions[index] = this.#client(line, index);
        await sessions[index].open();
      }
    };
    this.#awake.start();
    await Promise.all(Array.from({ length: concurrency }, worker)).finally(() =>
      this.#awake.stop(),
    );
    const seconds = (performance.now() - measuredFrom) / 1000;
    return { perSecond: (count - first - skip) / seconds };
  }

  /**
   * Starts calling, with the first so many sessions.
   *
   * @param everyMs how often a session calls; without it, as soon as it has its answer.
   * @param hasOwn whether its POSTs have connections of their own from now on.
   * @param spread how many calls sessions make at most before, each another number.
   */
  async start({ count, width, everyMs, hasOwn = false, spread = 0 }) {
    const sessions = this.#sessions.slice(0, count);
    if (hasOwn) for (const session of sessions) this.#giveOwn(session);
    this.#awake.start();
    for (let done = 0; done < spread; done++) {
      await callOnce(sessions.filter((_session, index) => index % spread > done));
    }
    this.#lanes = new Lanes(sessions, width, { everyMs });
    this.#lanes.start();
  }

  /** What a caller without a credential hears: who begins a session, and who posts to somebody's. */
  async tryAsStranger() {
    const stranger = this.#client("");
    const opening = await stranger.open().then(
      () => 200,
      (error) => Number(/answered (\d+)/.exec(error.message)?.[1]),
    );
    stranger.close();
    return { opening, post: await this.#sessions[0].postAsStranger() };
  }

  /** Each session calls so many times, one after the other. @returns how many calls that were. */
  async callEach({ times }) {
    this.#awake.start();
    const calls = this.#sessions.map(async (session) => {
      for (let done = 0; done < times; done++) await answerOf(session, "hello");
    });
    await Promise.all(calls).finally(() => this.#awake.stop());
    return this.#sessions.length * times;
  }

  /** The window begins. */
  mark() {
    this.#lanes.mark();
    this.#marked = { at: performance.now(), idleMs: this.#awake.idleMs };
  }

  /** Resolves when so many calls were answered in the window, or so much time has passed. */
  async reach({ calls, timeoutMs }) {
    const end = performance.now() + timeoutMs;
    while (this.#lanes.count < calls && performance.now() < end) await sleep(10);
  }

  /** The window ends: what was measured in it. */
  async stop() {
    const ms = performance.now() - this.#marked.at;
    const idleMs = this.#awake.idleMs - this.#marked.idleMs;
    const lanes = this.#lanes;
    const inWindow = lanes.take();
    await lanes.stop().finally(() => this.#awake.stop());
    // In a short run no call may have ended within the window; then those that were in flight count.
    const latencies = Float64Array.from(inWindow.length > 0 ? inWindow : lanes.take()).sort();
    return {
      perSecond: (latencies.length / ms) * 1000,
      p50: percentile(latencies, 50),
      p95: percentile(latencies, 95),
      p99: percentile(latencies, 99),
      // How busy the load generator itself was.
      loadBusy: 1 - idleMs / ms,
    };
  }

  /**
   * Each session calls once, at another server from now on.
   *
   * @returns milliseconds until all were answered.
   */
  async moveTo({ to, concurrency = 8 }) {
    const pool = new PostPool(to, this.#awake);
    this.#pools.push(pool);
    const waiting = [...this.#sessions];
    const begunAt = performance.now();
    const worker = async () => {
      for (let session = waiting.pop(); session !== undefined; session = waiting.pop()) {
        session.postThrough(pool);
        await callOnce([session]);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return performance.now() - begunAt;
  }

  /** One session asks for a large answer, several times. */
  async big({ bytes, repeats }) {
    const text = "x".repeat(1023);
    const latencies = [];
    for (let round = 0; round < repeats; round++) {
      const begunAt = performance.now();
      await answerOf(this.#sessions[0], text, Math.ceil(bytes / text.length));
      latencies.push(performance.now() - begunAt);
    }
    latencies.sort((a, b) => a - b);
    return { p50: percentile(latencies, 50) };
  }

  /** From now on each session waits for this notification. */
  expect({ method, params }) {
    const wanted = JSON.stringify({ method, params });
    this.#heard = new Promise((resolve, reject) => {
      let waiting = this.#sessions.length;
      for (const session of this.#sessions) {
        session.onNotification = ({ method, params }) => {
          if (JSON.stringify({ method, params }) !== wanted) {
            reject(new Error("wrong notification"));
          }
          if (--waiting === 0) resolve(nowUs());
        };
      }
    });
    // Whoever asks for it gets the rejection.
    this.#heard.catch(() => undefined);
  }

  /** Resolves when the last session has what it waits for. */
  heard() {
    return this.#heard;
  }

  leave() {
    for (const session of this.#sessions) session.close();
    for (const pool of [...this.#pools, ...this.#own.values()]) pool.close();
    this.#own.clear();
    this.#sessions = [];
  }

  #client(line, index = 0) {
    const pool = this.#pools[index % this.#pools.length];
    if (this.#era === 2024) return new Session(this.#port, pool, line, this.#awake);
    return new StreamableSession(this.#era, this.#port, pool, line);
  }

  #giveOwn(session) {
    if (this.#own.has(session)) return;
    const pool = new PostPool(this.#port, this.#awake);
    this.#own.set(session, pool);
    session.postThrough(pool);
  }
}

/** Calls, and resolves with the right answer. */
function answerOf(session, text, times = 1) {
  return new Promise((resolve, reject) => {
    session.call(text, times, (problem) => {
      if (problem === undefined) resolve();
      else reject(new Error(problem));
    });
  });
}

/** Each session calls once. @throws Error for a wrong answer. */
async function callOnce(sessions) {
  const lanes = new Lanes(sessions, 1);
  lanes.start();
  // What is in flight is answered before it stops.
  await lanes.stop();
}
