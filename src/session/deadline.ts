import { MAX_TIMER_MS } from "../shared/check.js";

/** From here on a time is awaited in steps, in milliseconds. */
const FAR_MS = 60_000;

/** Steps end at whole seconds of this number. */
const STEP_MS = 10_000;

/** Who waits for a deadline. */
export interface DeadlineListener {
  /** It has come. */
  deadlineReached(): void;
}

/**
 * Tells once that a time has come, however far away it is, and never at once. Without functions
 * of its own, since every session has one.
 */
export class Deadline {
  readonly #listener: DeadlineListener;
  #timer: NodeJS.Timeout | undefined;
  #at: number | undefined;

  constructor(listener: DeadlineListener) {
    this.#listener = listener;
  }

  /** @param at milliseconds since the epoch; replaces an earlier one. */
  set(at: number): void {
    if (at === this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(look, stepTowards(at - Date.now()), this).unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = undefined;
  }

  /** Looks whether it has come. */
  look(): void {
    const at = this.#at;
    this.clear();
    if (at !== undefined && Date.now() < at) this.set(at);
    else this.#listener.deadlineReached();
  }
}

function look(deadline: Deadline): void {
  deadline.look();
}

/**
 * How long to wait at first for what is `leftMs` milliseconds away. A timer holds 24 days at most.
 * And Node keeps a list for each duration that it is asked for, which timers of one duration share.
 */
function stepTowards(leftMs: number): number {
  if (leftMs < FAR_MS) return Math.max(leftMs, 0);
  return Math.min(leftMs - (leftMs % STEP_MS), MAX_TIMER_MS);
}
