import type { ServerResponse } from "node:http";
import { waitsForTurn } from "./response-end.js";

/** What waits for a reader, and since when it has taken nothing. */
export interface ReaderLoad {
  /** Bytes that the queue had no room for, without the first frame of them. */
  readonly piledBytes: number;
  /** Milliseconds since the reader was last seen to take something. */
  readonly untakenMs: number;
}

/** What a reader may leave lying. */
export interface ReaderBounds {
  readonly maxQueuedBytes: number;
  /** 0 for ever. */
  readonly stallMs: number;
}

/** Taking nothing for `stallMs`; or having more wait than `maxQueuedBytes`, and not reading. */
export type ReaderProblem = "stalled" | "overrun";

/**
 * How long a reader may take nothing while more waits than the queue holds, in milliseconds. One
 * that reads slowly is seen to take nothing for a while, since the kernels between hold megabytes and
 * tell of room only once there is some: readers of 250 kB a second were cut off when this was two
 * seconds. What piles up meanwhile is bounded by the budget of memory.
 */
const OVERRUN_MS = 15_000;

/** How often a reader is looked at, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * What may wait even for a reader that reads, beyond its queue: more than the answers to all
 * calls that one client may have in flight are likely to need.
 */
const MAX_PILED_BYTES = 128 * 1024 * 1024;

/**
 * Whether a reader has stopped reading.
 *
 * One frame that waits is a sender that waits, which is as it should be. More of them come from
 * senders that do not wait, such as the answers to calls; these are bounded here.
 */
export function readerProblem(
  { piledBytes, untakenMs }: ReaderLoad,
  { maxQueuedBytes, stallMs }: ReaderBounds,
): ReaderProblem | undefined {
  if (piledBytes > MAX_PILED_BYTES) return "overrun";
  if (piledBytes > maxQueuedBytes && untakenMs >= OVERRUN_MS) return "overrun";
  return stallMs > 0 && untakenMs >= stallMs ? "stalled" : undefined;
}

/** Looks, while something waits for a reader, whether it takes anything. */
export class ReaderWatch {
  readonly #res: ServerResponse;
  readonly #look: (untakenMs: number) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param look is called from time to time; it may stop the watch. */
  constructor(res: ServerResponse, look: (untakenMs: number) => void) {
    this.#res = res;
    this.#look = look;
  }

  /** Starts, unless it has started. @param stallMs the time after which a look must be taken; 0 for any. */
  start(stallMs: number): void {
    if (this.#timer !== undefined) return;
    const everyMs = stallMs === 0 ? LOOK_MS : Math.min(stallMs, LOOK_MS);
    let untakenMs = 0;
    let before = takenBy(this.#res);
    this.#timer = setTimeout(() => {
      const now = takenBy(this.#res);
      untakenMs = now === before && !waitsForTurn(this.#res) ? untakenMs + everyMs : 0;
      before = now;
      this.#timer?.refresh();
      this.#look(untakenMs);
    }, everyMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * A number that changes when the peer takes bytes, and does not when more are written.
 *
 * `writableLength` does both, and falls only when a whole write is through, which may be
 * megabytes. The handle knows what it was given and what of that is left; Node's own socket
 * timeout looks at the latter.
 */
function takenBy({ writableLength, socket }: ServerResponse): number {
  const { _handle: handle } = (socket ?? {}) as { _handle?: Partial<WriteCounts> | null };
  const { bytesWritten, writeQueueSize = 0 } = handle ?? {};
  return bytesWritten === undefined ? -writableLength : bytesWritten - writeQueueSize;
}

/** What a socket's handle counts. */
interface WriteCounts {
  readonly bytesWritten: number;
  readonly writeQueueSize: number;
}
