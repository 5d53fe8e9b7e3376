import { Deadline } from "./deadline.js";
import type { DeadlineListener } from "./deadline.js";
import { nextTimeLimit } from "./limits.js";
import type { SessionLimits, SessionUse, TimeLimit } from "./limits.js";

/** What runs out: a limit, the owner's credential, or the time to come back. */
export type SessionTimeout = TimeLimit | "credential" | "grace";

/**
 * Tells what of a session's time has run out. One timer for all of it, which looks at the session
 * when it fires, so that a message costs it nothing.
 */
export class SessionTimers implements DeadlineListener {
  readonly #use: SessionUse;
  readonly #limits: SessionLimits;
  readonly #onTimeout: (timeout: SessionTimeout) => void;
  readonly #deadline = new Deadline(this);
  #credentialEndsAt: number | undefined;
  #graceEndsAt: number | undefined;
  #hasStopped = false;

  constructor(
    use: SessionUse,
    limits: SessionLimits,
    onTimeout: (timeout: SessionTimeout) => void,
  ) {
    this.#use = use;
    this.#limits = limits;
    this.#onTimeout = onTimeout;
  }

  /** @param credentialEndsAt milliseconds since the epoch; `undefined` for never. */
  start(credentialEndsAt: number | undefined): void {
    this.#credentialEndsAt = credentialEndsAt;
    this.check();
  }

  /** @param at milliseconds since the epoch; `undefined` for never. */
  setCredentialEnd(at: number | undefined): void {
    if (at === this.#credentialEndsAt) return;
    this.#credentialEndsAt = at;
    this.check();
  }

  /** Until when the client is waited for; `undefined` while it is there. */
  get graceEndsAt(): number | undefined {
    return this.#graceEndsAt;
  }

  /** @param at milliseconds since the epoch; `undefined` while nobody is waited for. */
  setGraceEnd(at: number | undefined): void {
    if (at === this.#graceEndsAt) return;
    this.#graceEndsAt = at;
    this.check();
  }

  /** Looks at the session, now and whenever something may have run out. */
  check(): void {
    const next = this.#hasStopped ? undefined : this.#next(Date.now());
    if (next === undefined) this.#deadline.clear();
    else this.#deadline.set(next.at);
  }

  stop(): void {
    this.#hasStopped = true;
    this.#deadline.clear();
  }

  /** Looks what has run out. */
  deadlineReached(): void {
    const now = Date.now();
    const next = this.#next(now);
    if (next !== undefined && next.at <= now) {
      // Each comes once; the limits of the session come with its end.
      if (next.timeout === "credential") this.#credentialEndsAt = undefined;
      if (next.timeout === "grace") this.#graceEndsAt = undefined;
      this.#onTimeout(next.timeout);
    }
    this.check();
  }

  #next(now: number): { readonly timeout: SessionTimeout; readonly at: number } | undefined {
    const limit = nextTimeLimit(this.#use, this.#limits, now);
    let at = limit?.at ?? Infinity;
    let timeout: SessionTimeout | undefined = limit?.limit;
    if (this.#credentialEndsAt !== undefined && this.#credentialEndsAt < at) {
      at = this.#credentialEndsAt;
      timeout = "credential";
    }
    if (this.#graceEndsAt !== undefined && this.#graceEndsAt < at) {
      at = this.#graceEndsAt;
      timeout = "grace";
    }
    return timeout === undefined ? undefined : { timeout, at };
  }
}
