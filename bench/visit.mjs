/** What is measured of a server, and how. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.mjs";

const FILE = join(import.meta.dirname, "server-process.mjs");

/**
 * A process that idles shrinks its heap, and pays for that with longer pauses when it is called
 * again. Between its turns a server here idles as none does that is in use.
 */
const BUSY_FLAGS = ["--no-memory-reducer"];

const IDLE_FLAGS = ["--expose-gc"];

const BIG_BYTES = 1_048_576;

const NOTIFICATION = {
  method: "notifications/message",
  params: { level: "info", data: "n".repeat(950) },
};

/** Measures servers, with one load generator. */
export class Visitor {
  #load;
  #secrets;
  #core;

  /** @param core CPU that servers run on; `undefined` for any. */
  constructor({ load, secrets, core }) {
    this.#load = load;
    this.#secrets = secrets;
    this.#core = core;
  }

  /**
   * Starts the process of a row.
   *
   * @param idles whether memory is what will be measured.
   * @returns the server, to be stopped by the caller; `missing` says why it cannot be measured.
   */
  async start(row, { idles = false } = {}) {
    const child = new Child(FILE, { core: this.#core, flags: idles ? IDLE_FLAGS : BUSY_FLAGS });
    const { module, options } = row;
    const answer = await child.ask("start", { module, options, secrets: this.#secrets });
    if (answer.missing !== undefined) await child.stop();
    return { row, child, ...answer };
  }

  /**
   * Calls a fresh server until what it does most is compiled. Its sessions stay, until
   * {@link leave}, for the turns that come: where they ended, the first turn would be a slow one.
   */
  async warmUp(server, { warmUpSessions, warmUpCalls, warmUpMs }) {
    await this.#use(server);
    await this.#ask(server, "open", { count: warmUpSessions });
    await this.#checkStranger(server);
    await this.#ask(server, "start", { count: warmUpSessions, width: 1 });
    await this.#ask(server, "mark");
    await this.#ask(server, "reach", { calls: warmUpCalls, timeoutMs: warmUpMs });
    await this.#ask(server, "stop");
  }

  /** Measures calls, how fast sessions are opened, and messages. @returns results by shape. */
  async measureSpeed(server, plan) {
    return await this.#visit(server, async () => {
      const results = {};
      let opened = 0;
      for (const shape of plan.calls) {
        const open = await this.#open(server, shape.sessions, opened, plan);
        if (shape.id === "500") results.open = open;
        opened = Math.max(opened, shape.sessions);
        results[shape.id] = await this.turn(server, shape, plan);
      }
      if (plan.hasOpening) {
        results.open ??= await this.#open(server, opened + plan.toOpen, opened, plan);
      }
      if (plan.hasMessages && server.row.messages)
        await this.#measureMessages(server, results, plan);
      // Last, since what is sent to all would go to these sessions, too.
      if (plan.opensLater) results["open-later"] = await this.#openLater(server, plan);
      return results;
    });
  }

  /** All clients of a server go. */
  async leave(server) {
    await this.#ask(server, "leave");
    await server.child.ask("clear");
  }

  /** Measures what sessions that do nothing cost. */
  async measureMemory(server, { idle, idleFirst }) {
    return await this.#visit(server, async () => {
      // What is loaded, compiled and set aside with the first sessions is no cost of a session.
      await this.#ask(server, "open", { count: idleFirst });
      const empty = await server.child.ask("memory");
      const results = { empty: empty.rss };
      for (const count of idle) {
        await this.#ask(server, "open", { count: idleFirst + count });
        const { rss, heapUsed } = await server.child.ask("memory");
        results[count] = {
          rss: (rss - empty.rss) / count,
          heap: (heapUsed - empty.heapUsed) / count,
        };
      }
      return results;
    });
  }

  /** Calls with sessions that are open, for a while. @returns what was measured. */
  async turn(server, { sessions: count, ms, ...shape }, { settleMs, profiles }) {
    await this.#ask(server, "start", { count, ...shape });
    await sleep(Math.max(settleMs, shape.everyMs ?? 0));
    if (profiles) await server.child.ask("startProfile");
    await this.#ask(server, "mark");
    const before = await server.child.ask("cpu");
    await sleep(ms);
    const [after, calls] = await Promise.all([server.child.ask("cpu"), this.#ask(server, "stop")]);
    // The server's window is not to the microsecond the load's, so rates are divided, not counts.
    const busy = (after.cpuUs - before.cpuUs) / (after.atUs - before.atUs);
    const profile = profiles ? await server.child.ask("stopProfile") : undefined;
    return { ...calls, serverBusy: busy, cpuUs: (busy * 1e6) / calls.perSecond, profile };
  }

  /** Asks the load generator to do something with a server. */
  async #ask({ port }, command, args) {
    return await this.#load.ask(command, { port, ...args });
  }

  /** A server that lets everybody in would be fast for the wrong reason. */
  async #checkStranger(server) {
    const { id, credential, isOpen = credential === "none", checksPosts = true } = server.row;
    if (isOpen) return;
    const { opening, post } = await this.#ask(server, "tryAsStranger");
    if (opening === 401 && (post === 401 || !checksPosts)) return;
    throw new Error(
      `${id} answers a stranger who begins with ${opening} and a POST with ${post}, not 401`,
    );
  }

  async #visit(server, measure) {
    await this.#use(server);
    try {
      return await measure();
    } finally {
      await this.leave(server);
    }
  }

  /** Some servers say that they have started before they listen. */
  async #use(server) {
    await this.#ask(server, "use", { era: server.row.era, credential: server.row.credential });
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await this.#ask(server, "knock")) return;
      await sleep(50);
    }
    throw new Error("the server does not listen");
  }

  async #open(server, count, opened, { openSkip }) {
    if (count <= opened) return undefined;
    const skip = Math.min(openSkip, Math.floor((count - opened) / 2));
    return await this.#ask(server, "open", { count, skip });
  }

  /** Opens sessions on a server that has opened thousands, beside those that are there. */
  async #openLater(server, { calls, toOpen, readers, toOpenLater, openLaterSkip: skip }) {
    const most = Math.max(0, ...calls.map(({ sessions }) => sessions));
    const already = Math.max(most + toOpen, readers);
    await this.#ask(server, "open", { count: already });
    return await this.#ask(server, "open", { count: already + toOpenLater, skip });
  }

  async #measureMessages(server, results, plan) {
    if (plan.has("big")) {
      await this.#ask(server, "open", { count: 1 });
      const { bigRepeats: repeats } = plan;
      results.big = await this.#ask(server, "big", { bytes: BIG_BYTES, repeats });
    }
    if (plan.has("notify") && server.notifies) {
      await this.#ask(server, "open", { count: plan.readers });
      results.notify = await this.#measureNotify(server, plan);
    }
  }

  /** @returns milliseconds from the first write until the last reader has it. */
  async #measureNotify(server, { notifications }) {
    const times = [];
    for (let round = 0; round < notifications; round++) {
      await this.#ask(server, "expect", NOTIFICATION);
      const [startedAt, heardAt] = await Promise.all([
        server.child.ask("notify", NOTIFICATION),
        this.#ask(server, "heard"),
      ]);
      times.push((heardAt - startedAt) / 1000);
    }
    times.sort((a, b) => a - b);
    return { p50: times[Math.floor(times.length / 2)] };
  }
}
