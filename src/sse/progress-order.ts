import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import type { MessageMetadata, OutboxEntry } from "../http/outbox.js";

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

const PLAIN: Readonly<Record<"notification" | "answer", MessageMetadata>> = {
  notification: { kind: "notification" },
  answer: { kind: "answer" },
};

/**
 * Keeps an answer from overtaking, in the client, the progress of its own call: when both arrive
 * in one read, the official clients forget the call before they look at its progress.
 *
 * How far apart they are written does not say how far apart they are read, so an answer waits
 * until the client is known to have the progress.
 */
export class ProgressOrdering {
  /** What the calls that are not answered yet call their progress. */
  #tokens: Map<JsonRpcId, unknown> | undefined;
  #recent: Map<unknown, RecentProgress> | undefined;

  /** Whether no message has to wait, whichever comes. */
  get isIdle(): boolean {
    return this.#recent === undefined || this.#recent.size === 0;
  }

  /** Notes a call of the client that wants progress, and one that it gave up. */
  noteReceived(message: JsonRpcMessage): void {
    if (!("method" in message)) return;
    const { _meta: meta, requestId } = message.params ?? {};
    const { progressToken } = (meta ?? {}) as { progressToken?: unknown };
    if (message.method === "notifications/cancelled") this.#tokens?.delete(requestId as JsonRpcId);
    else if ("id" in message && progressToken !== undefined) {
      this.#tokens ??= new Map();
      this.#tokens.set(message.id, progressToken);
    }
  }

  /** What matters of a message that is to be sent. An answer ends its call. */
  metadataOf(message: JsonRpcMessage): MessageMetadata {
    if (!("method" in message)) return this.#metadataOfAnswer(message.id);
    if ("id" in message) return { kind: "request", requestId: message.id };
    if (message.method !== "notifications/progress") return PLAIN.notification;
    return { kind: "progress", progressToken: message.params?.["progressToken"] };
  }

  /**
   * Milliseconds that a message has to wait if it is to be written at `now`.
   *
   * @param acknowledged what the client is known to have; `undefined` if it cannot tell yet.
   */
  delayOf(
    { kind, progressToken }: MessageMetadata,
    now: number,
    acknowledged: Acknowledged | undefined,
  ): number {
    if (kind !== "answer" || progressToken === undefined) return 0;
    const last = this.#recent?.get(progressToken);
    if (last === undefined) return 0;
    if (acknowledged !== undefined && last.seq <= acknowledged.seq) return 0;
    return Math.max(0, last.writtenAt + gapFor(acknowledged) - now);
  }

  /** Notes that a message was written, now unless told otherwise. */
  noteWritten({ metadata, seq }: Pick<OutboxEntry, "metadata" | "seq">, now?: number): void {
    const { kind, progressToken } = metadata;
    // Tools report progress to callers, too, that did not ask for it and gave it no name.
    if (kind !== "progress" || progressToken === undefined) return;
    this.#noteProgress(progressToken, seq, now);
  }

  #metadataOfAnswer(id: JsonRpcId | undefined): MessageMetadata {
    if (id === undefined || this.#tokens?.has(id) !== true) return PLAIN.answer;
    const progressToken = this.#tokens.get(id);
    this.#tokens.delete(id);
    return { kind: "answer", progressToken };
  }

  #noteProgress(token: unknown, seq: number, now: number = performance.now()): void {
    this.#recent ??= new Map();
    for (const [earlier, { writtenAt }] of this.#recent) {
      if (writtenAt + LONGEST_GAP_MS > now) break;
      this.#recent.delete(earlier);
    }
    // Last in the map is latest.
    this.#recent.delete(token);
    this.#recent.set(token, { writtenAt: now, seq });
  }
}

function gapFor(acknowledged: Acknowledged | undefined): number {
  if (acknowledged === undefined) return GAP_MS;
  return acknowledged.hasAnswered ? LONGEST_GAP_MS : LONG_GAP_MS;
}
