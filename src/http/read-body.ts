import { AsyncResource } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import { nextTick } from "node:process";

/** Why a body could not be read. */
export type BodyProblem = "too-large" | "too-slow" | "cut-off";

/** The text of a body, or why there is none. */
export type BodyRead =
  { readonly text: string; readonly bytes: number } | { readonly problem: BodyProblem };

/** How long a body is, and may take. */
export interface BodyLength {
  /** Longest that is taken, in bytes. */
  readonly maxBytes: number;
  /** As announced, in bytes; `undefined` if it was not. */
  readonly announced: number | undefined;
  /** Milliseconds that may pass between two pieces; {@link ALL_PIECES} times as many for all. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

/** How many times as long as between two of its pieces a body may take in all. */
const ALL_PIECES = 4;

/**
 * Reads a body from the socket. Most messages come in one piece, and those are not copied.
 *
 * What is beyond the limit is taken from the socket and thrown away, because a connection with
 * unread bytes answers nobody any more.
 *
 * @param onRead is called once, in the async context of the call; `isLate` says whether time has
 * passed since, because not all of the body had come by then.
 */
export function readBody(
  req: IncomingMessage,
  { maxBytes, announced, timeoutMs }: BodyLength,
  onRead: (read: BodyRead, isLate: boolean) => void,
): void {
  let tell = onRead;
  let isLate = false;
  let body: Buffer | undefined;
  let size = 0;
  let isOver = false;
  let clock: BodyClock | undefined;
  const finish = (read: BodyRead): void => {
    if (isOver) return;
    isOver = true;
    clock?.stop();
    const done = tell;
    // A session keeps the request that began it, and that keeps its listeners.
    body = undefined;
    tell = forgotten;
    done(read, isLate);
  };
  const finishWhole = (): void =>
    finish({ text: body?.toString("utf8", 0, size) ?? "", bytes: size });
  req.on("data", (piece: Buffer) => {
    const start = size;
    size += piece.length;
    if (isOver) return;
    if (size > maxBytes) {
      body = undefined;
      finish({ problem: "too-large" });
      return;
    }
    body = body === undefined ? piece : append(body, start, piece, announced ?? 2 * size);
    if (size === announced) finishWhole();
    else clock?.noteProgress();
  });
  // Most bodies have come by then, and every listener costs a microsecond. No end is missed: the
  // stream tells of one in a tick after that in which it begins to flow, and this is that tick.
  nextTick(() => {
    if (isOver) return;
    // What comes now is told by the connection, which knows nothing of what an app's middleware
    // has left for those behind it.
    tell = AsyncResource.bind(tell);
    isLate = true;
    if (req.destroyed) finish(CUT_OFF);
    req.on("end", () => (req.complete ? finishWhole() : finish(CUT_OFF)));
    // When the connection breaks. Node reports an error of a request only to those who listen for it.
    req.on("close", () => finish(CUT_OFF));
    if (timeoutMs !== undefined) clock = new BodyClock(timeoutMs, () => finish(TOO_SLOW));
  });
}

function forgotten(): void {
  // Called once, it is told no more.
}

const CUT_OFF: BodyRead = { problem: "cut-off" };
const TOO_SLOW: BodyRead = { problem: "too-slow" };

/**
 * Puts a piece behind the `length` bytes that are there, in one buffer for all of them: a list of
 * pieces of one byte each would take a hundred times the memory.
 */
function append(body: Buffer, length: number, piece: Buffer, capacity: number): Buffer {
  let whole = body;
  if (whole.length < length + piece.length) {
    whole = Buffer.allocUnsafe(Math.max(capacity, length + piece.length));
    body.copy(whole, 0, 0, length);
  }
  piece.copy(whole, length);
  return whole;
}

/** Tells when a body has not gone on for some time, or has taken too long in all. */
class BodyClock {
  readonly #end: number;
  readonly #late: () => void;
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, late: () => void) {
    this.#end = performance.now() + ALL_PIECES * timeoutMs;
    this.#late = late;
    this.#timer = setTimeout(late, timeoutMs).unref();
  }

  /** A piece has come. */
  noteProgress(): void {
    if (performance.now() >= this.#end) this.#late();
    else this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
