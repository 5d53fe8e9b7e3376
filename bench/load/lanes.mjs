import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";

/** How long the last calls may take to be answered. */
const DRAIN_MS = 20_000;

/** Calls in flight all the time: each lane makes its next call when the last is answered. */
export class Lanes {
  #sessions;
  #width;
  #latencies = [];
  #problems = [];
  #running = 0;
  #isStopping = false;
  #onIdle = () => undefined;
  #count = 0;
  #text = "hello";
  #times = 1;
  #everyMs;

  /**
   * @param width calls in flight for each session.
   * @param everyMs how often each of them is made; without it, when the one before is answered.
   */
  constructor(sessions, width, { text, times, everyMs } = {}) {
    this.#sessions = sessions;
    this.#everyMs = everyMs;
    this.#width = width;
    this.#text = text ?? this.#text;
    this.#times = times ?? this.#times;
  }

  start() {
    for (const [index, session] of this.#sessions.entries()) {
      for (let lane = 0; lane < this.#width; lane++) {
        this.#running++;
        if (this.#everyMs === undefined) this.#next(session);
        else this.#later(session, (this.#everyMs * index) / this.#sessions.length);
      }
    }
  }

  /** How many calls were answered in the window. */
  get count() {
    return this.#latencies.length;
  }

  /** Forgets what was measured so far, so that the window begins now. */
  mark() {
    this.#latencies = [];
  }

  /** Ends the window. */
  take() {
    const latencies = this.#latencies;
    this.#latencies = [];
    return latencies;
  }

  /** Resolves when every call is answered. @throws Error for the first wrong answer. */
  async stop() {
    const idle = new Promise((resolve) => (this.#onIdle = resolve));
    this.#isStopping = true;
    if (this.#running > 0) {
      const late = setTimeout(() => this.#onIdle("calls were never answered"), DRAIN_MS);
      const problem = await idle;
      clearTimeout(late);
      if (problem !== undefined) throw new Error(problem);
    }
    if (this.#problems.length > 0) {
      throw new Error(`${this.#problems.length} wrong answers; the first: ${this.#problems[0]}`);
    }
  }

  #next(session) {
    const begunAt = performance.now();
    session.call(`${this.#text} ${++this.#count}`, this.#times, (problem) => {
      this.#latencies.push(performance.now() - begunAt);
      if (problem !== undefined) this.#problems.push(problem);
      // A server that is gone answers everything at once, and wrongly: that must end.
      if (this.#isStopping || problem !== undefined) this.#leave();
      else if (this.#everyMs === undefined) this.#next(session);
      else this.#later(session, begunAt + this.#everyMs - performance.now());
    });
  }

  #later(session, ms) {
    const due = () => {
      if (this.#isStopping) this.#leave();
      else this.#next(session);
    };
    setTimeout(due, Math.max(0, ms));
  }

  #leave() {
    this.#running--;
    if (this.#running === 0) this.#onIdle();
  }
}
