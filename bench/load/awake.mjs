import { performance } from "node:perf_hooks";
import { clearImmediate, setImmediate } from "node:timers";

/**
 * Keeps this process from sleeping while something is measured, and knows how long it had nothing
 * to do.
 *
 * To wake a process that sleeps on another core costs whoever writes to it 5 to 10 us, and the
 * slower a server is, the more often its clients sleep. Clients elsewhere are not woken by the
 * server that is measured here.
 */
export class Awake {
  #idleMs = 0;
  #hasWorked = false;
  #last = 0;
  #next;

  start() {
    this.stop();
    this.#last = performance.now();
    this.#next = setImmediate(this.#turn);
  }

  stop() {
    clearImmediate(this.#next);
  }

  /** Something came that had to be worked on. */
  noteWork() {
    this.#hasWorked = true;
  }

  /** Milliseconds without work so far. */
  get idleMs() {
    return this.#idleMs;
  }

  #turn = () => {
    const now = performance.now();
    if (!this.#hasWorked) this.#idleMs += now - this.#last;
    this.#hasWorked = false;
    this.#last = now;
    this.#next = setImmediate(this.#turn);
  };
}
