import type { CloseReason } from "./close-reason.js";

/** The end of a session: it comes once, and everybody who waits for it hears of it. */
export class SessionEnd {
  readonly #listeners: ((reason: CloseReason) => void)[] = [];
  #reason: CloseReason | undefined;

  /** `undefined` until it has come. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  /** @returns whether it had not come before: only the first reason counts. */
  decide(reason: CloseReason): boolean {
    if (this.#reason !== undefined) return false;
    this.#reason = reason;
    return true;
  }

  /** Calls `listener` once the end is announced; at once if it has come. */
  on(listener: (reason: CloseReason) => void): void {
    if (this.#reason !== undefined) listener(this.#reason);
    else this.#listeners.push(listener);
  }

  /** Tells the listeners. @throws what the first of them throws, once all have heard. */
  announce(reason: CloseReason): void {
    const errors: unknown[] = [];
    for (const listener of this.#listeners.splice(0)) {
      try {
        listener(reason);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
