import { AsyncResource } from "node:async_hooks";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { CloseReason } from "./close-reason.js";

/** The end of a session: it comes once, and everybody who waits for it hears of it. */
export class SessionEnd {
  #listeners: readonly ((reason: CloseReason) => void)[] = [];
  #reason: CloseReason | undefined;
  /** That of the request that opened the session; what ends it may be a timer or a broken connection. */
  readonly #context = new AsyncResource("MCP_SESSION");
  #abort: AbortController | undefined;

  /** `undefined` until it has come. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  /** Aborted with the end. Made when somebody asks for it, which few do. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#reason !== undefined) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Aborts the signal. */
  abort(): void {
    this.#abort?.abort();
  }

  /** @returns whether it had not come before: only the first reason counts. */
  decide(reason: CloseReason): boolean {
    if (this.#reason !== undefined) return false;
    this.#reason = reason;
    return true;
  }

  /** Runs the consequences of the end, which reach code of the application, in its async context. */
  inContext(consequences: () => void): void {
    this.#context.runInAsyncScope(consequences);
  }

  /** Calls `listener` once the end is announced; at once if it has come. */
  on(listener: (reason: CloseReason) => void): void {
    if (this.#reason !== undefined) listener(this.#reason);
    // Copied, because a list that is pushed to keeps room for many more.
    else this.#listeners = this.#listeners.concat(listener);
  }

  /** Tells the listeners. @throws what the first of them throws, once all have heard. */
  announce(reason: CloseReason): void {
    const errors: unknown[] = [];
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) {
      try {
        listener(reason);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** What whoever comes after the end hears. */
export function sessionClosed(): McpSseError {
  return new McpSseError("session_closed", "The session has ended: begin a new one.");
}

/** What whoever waits for an answer hears that nobody will give, and who must not repeat what may have been done. */
export function mayHaveBeenDone(): McpSseError {
  return new McpSseError(
    "outcome_unknown",
    "The session's server does not answer; it may have taken this message.",
    { headers: retryAfter(1) },
  );
}

/** What whoever comes, or still waits, while the endpoint is being closed hears. */
export function shuttingDown(): McpSseError {
  return new McpSseError("shutting_down", "The server is shutting down: try again soon.", {
    headers: retryAfter(),
  });
}
