import type { JsonRpcId, JsonRpcMessage } from "../wire/message-body.js";

/**
 * Milliseconds between a progress notification and the answer to its call, where nothing tells
 * that the progress has arrived. With this gap none was lost in measurements, with 2 ms a few were.
 */
const GAP_MS = 10;

/**
 * Milliseconds that an answer waits for a client that should tell, and does not: it may be one
 * that answers no pings.
 */
const LONG_GAP_MS = 250;

/**
 * Milliseconds that an answer waits for a client that has told before. Far longer than a client
 * is busy with something else; one that is away does not get the answer anyway.
 */
const LONGEST_GAP_MS = 2_000;

/** What a client has told of what it has. */
export interface Acknowledged {
  /** Position up to which it has everything. */
  readonly seq: number;
  /** Whether it has answered a ping that asked. */
  readonly hasAnswered: boolean;
}

/** A progress notification that was written a moment ago. */
interface RecentProgress {
  readonly writtenAt: number;
  readonly seq: number;
}

/**
 * Keeps an answer from overtaking, in the client, the progress of its own call: when both arrive
 * in one read, the official clients forget the call before they look at its progress.
 *
 * How far apart they are written does not say how far apart they are read, so an answer waits
 * until the client is known to have the progress.
 */
export class ProgressGap {
  /** What the calls that are not answered yet call their progress. */
  readonly #tokens = new Map<JsonRpcId, unknown>();
  /** The same of answers, which may have to be written again. */
  readonly #tokensOfAnswers = new WeakMap<JsonRpcMessage, unknown>();
  readonly #recent = new Map<unknown, RecentProgress>();

  /** Notes a call of the client that wants progress, and one that it gave up. */
  noteReceived(message: JsonRpcMessage): void {
    if (!("method" in message)) return;
    const { _meta: meta, requestId } = message.params ?? {};
    const { progressToken } = (meta ?? {}) as { progressToken?: unknown };
    if (message.method === "notifications/cancelled") this.#tokens.delete(requestId as JsonRpcId);
    else if ("id" in message && progressToken !== undefined) {
      this.#tokens.set(message.id, progressToken);
    }
  }

  /**
   * Milliseconds that a message has to wait if it is to be written at `now`.
   *
   * @param acknowledged what the client is known to have; `undefined` if it cannot tell yet.
   */
  delayOf(message: JsonRpcMessage, now: number, acknowledged: Acknowledged | undefined): number {
    const token = this.#tokenOf(message);
    // Progress may have been reported without a token, too: then of no call at all.
    const last = token === undefined ? undefined : this.#recent.get(token);
    if (last === undefined) return 0;
    if (acknowledged !== undefined && last.seq <= acknowledged.seq) return 0;
    return Math.max(0, last.writtenAt + gapFor(acknowledged) - now);
  }

  /** Notes that a message was written at `now`. */
  noteWritten(message: JsonRpcMessage, seq: number, now: number): void {
    if ("method" in message) {
      if (message.method !== "notifications/progress") return;
      for (const [token, { writtenAt }] of this.#recent) {
        if (writtenAt + LONGEST_GAP_MS > now) break;
        this.#recent.delete(token);
      }
      // Last in the map is latest.
      this.#recent.delete(message.params?.["progressToken"]);
      this.#recent.set(message.params?.["progressToken"], { writtenAt: now, seq });
    } else if (message.id !== undefined && this.#tokens.has(message.id)) {
      this.#tokensOfAnswers.set(message, this.#tokens.get(message.id));
      this.#tokens.delete(message.id);
    }
  }

  #tokenOf(message: JsonRpcMessage): unknown {
    if ("method" in message || message.id === undefined) return undefined;
    return this.#tokens.get(message.id) ?? this.#tokensOfAnswers.get(message);
  }
}

function gapFor(acknowledged: Acknowledged | undefined): number {
  if (acknowledged === undefined) return GAP_MS;
  return acknowledged.hasAnswered ? LONGEST_GAP_MS : LONG_GAP_MS;
}
