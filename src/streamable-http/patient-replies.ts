import type { JsonRpcId } from "../shared/json-rpc.js";

/** A response to a call. */
export interface PatientReply {
  /** When it came, in milliseconds since the epoch. */
  readonly since: number;
  /** Whether nothing was said yet. */
  readonly isUndecided: boolean;
  becomeStream(): unknown;
}

/**
 * Makes a stream of each reply for which there is no answer after a while: from then on its client
 * knows that it is being worked on, and can come back if it is cut off. One timer for all replies
 * of a session, since most have their answer long before.
 */
export class PatientReplies {
  readonly #afterMs: number;
  readonly #replies: ReadonlyMap<JsonRpcId, PatientReply>;
  #timer: NodeJS.Timeout | undefined;

  /** @param replies of the calls that have no answer, oldest first. */
  constructor(afterMs: number, replies: ReadonlyMap<JsonRpcId, PatientReply>) {
    this.#afterMs = afterMs;
    this.#replies = replies;
  }

  add(reply: PatientReply): void {
    // Not before its server has taken the call: a response that has begun could not be a refusal.
    if (this.#afterMs === 0) queueMicrotask(() => reply.becomeStream());
    else this.#timer ??= setTimeout(() => this.#look(), this.#afterMs).unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const now = Date.now();
    for (const reply of this.#replies.values()) {
      if (!reply.isUndecided) continue;
      // Timers may fire a little early.
      const leftMs = reply.since + this.#afterMs - now;
      if (leftMs <= 1) reply.becomeStream();
      else {
        this.#timer = setTimeout(() => this.#look(), leftMs).unref();
        return;
      }
    }
  }
}
