import { MAX_TIMER_MS } from "../errors.js";

/** Calls back once a moment has come, however far away it is, and never at once. */
export class Deadline {
  readonly #reached: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(reached: () => void) {
    this.#reached = reached;
  }

  /** Whether a moment is awaited. */
  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** @param at milliseconds since the epoch; replaces an earlier moment. */
  set(at: number): void {
    clearTimeout(this.#timer);
    const left = at - Date.now();
    // A timer holds 24 days at most; a longer time is awaited in steps.
    const next = left > MAX_TIMER_MS ? () => this.set(at) : () => this.#fire();
    this.#timer = setTimeout(next, Math.min(Math.max(left, 0), MAX_TIMER_MS)).unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#reached();
  }
}
