import { Deadline } from "./deadline.js";
import { nextTimeLimit } from "./limits.js";
import type { SessionLimits, SessionUse, TimeLimit } from "./limits.js";

/**
 * Tells when a session reaches a limit of its time. One timer for all of them, which looks at
 * the session when it fires, so that a message costs it nothing.
 */
export class SessionClock {
  readonly #use: SessionUse;
  readonly #limits: SessionLimits;
  readonly #reached: (limit: TimeLimit) => void;
  readonly #deadline = new Deadline(() => this.check());

  constructor(use: SessionUse, limits: SessionLimits, reached: (limit: TimeLimit) => void) {
    this.#use = use;
    this.#limits = limits;
    this.#reached = reached;
  }

  /** Looks at the session, now and whenever it may have come to a limit. */
  check(): void {
    const now = Date.now();
    const next = nextTimeLimit(this.#use, this.#limits, now);
    if (next === undefined) this.#deadline.clear();
    else if (next.at > now) this.#deadline.set(next.at);
    else this.#reached(next.limit);
  }

  stop(): void {
    this.#deadline.clear();
  }
}
