import type { ServerResponse } from "node:http";
import { McpSseError } from "../errors.js";

/** One server-sent event. @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
export interface ServerSentEvent {
  /** Event type; the client's default is `message`. Must be one line. */
  readonly event?: string;
  /** Must be one line. */
  readonly id?: string;
  /** May have several lines; each becomes a `data` field. */
  readonly data: string;
}

/** How a stream behaves between its messages. */
export interface EventStreamOptions {
  /** Milliseconds of silence after which a comment keeps the connection alive; 0 for none. */
  readonly keepAliveMs: number;
  /** Bytes that may wait for the reader before `write` makes its caller wait too. */
  readonly maxQueuedBytes: number;
  /**
   * Milliseconds for which a reader may take nothing while messages wait for it, or after the
   * end; then, at the latest after twice that, the stream is cut. 0 for ever.
   */
  readonly stallMs: number;
}

/** Why a stream ended: we ended it, the peer or the network did, or the reader stopped reading. */
export type StreamEnd = "ended" | "disconnected" | "stalled";

/** Keeps caches, transforming proxies and buffering ones (nginx) out of the way. */
const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

const LINE_BREAK = /\r\n|\r|\n/;

/**
 * An event as it goes over the wire.
 *
 * @throws TypeError for a line break in `event` or `id`: it would let the text that follows
 * it write fields, and events, of its own.
 */
export function encodeEvent({ event, id, data }: ServerSentEvent): string {
  let frame = "";
  if (event !== undefined) frame += `event: ${oneLine(event)}\n`;
  if (id !== undefined) frame += `id: ${oneLine(id)}\n`;
  for (const line of data.split(LINE_BREAK)) frame += `data: ${line}\n`;
  return `${frame}\n`;
}

function oneLine(field: string): string {
  if (LINE_BREAK.test(field) || field.includes("\0")) {
    throw new TypeError("An SSE field must not contain a line break or NUL.");
  }
  return field;
}

/** A frame for which the queue had no room yet. */
interface WaitingFrame {
  readonly frame: string;
  readonly taken: () => void;
  readonly lost: (error: Error) => void;
}

/**
 * The bytes of one SSE response: frames, keep-alive, and a bounded queue in front of a slow
 * reader.
 *
 * A frame that was accepted is written once and in order. When the reader is slow, `write`
 * resolves late, so that the sender slows down with it instead of filling the memory.
 */
export class EventStream {
  /** Called once, however the stream ends. */
  onend: ((end: StreamEnd) => void) | undefined;

  readonly #res: ServerResponse & { flush?: () => void };
  readonly #options: EventStreamOptions;
  readonly #waiting: WaitingFrame[] = [];
  #keepAlive: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;
  /** Bytes in the response since it last had room. */
  #queuedBytes = 0;
  #isOpen = false;
  #hasEnded = false;

  constructor(res: ServerResponse, options: EventStreamOptions) {
    this.#res = res;
    this.#options = options;
  }

  /** Whether frames can be written. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#hasEnded;
  }

  /** Sends the response's head at once, so that clients and proxies know of the stream before its first event. */
  open(): void {
    const res = this.#res;
    // A header that was set before, say by a CORS middleware, stays.
    res.writeHead(200, { ...STREAM_HEADERS });
    res.flushHeaders();
    res.on("drain", this.#writeWaiting);
    res.on("close", this.#gone);
    // A response that waits behind another one on its connection is not told when that breaks.
    res.req.socket.once("close", this.#gone);
    // A broken socket reports an error and then closes; the close is what counts.
    res.on("error", () => undefined);
    this.#isOpen = true;
    // The peer may have left while the session was being set up: then no event tells of it.
    if (res.destroyed || res.req.socket.destroyed) {
      this.#finish("disconnected");
      return;
    }
    this.#startKeepAlive();
  }

  /**
   * Queues a frame behind those before it.
   *
   * @returns a promise that resolves when the socket took the frame, or its bounded queue has room for it.
   * Rejects with `session_closed` when the stream ended before that.
   */
  write(frame: string): Promise<void> {
    if (!this.isOpen) return Promise.reject(streamEnded());
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      this.#put(frame);
      return Promise.resolve();
    }
    return new Promise((taken, lost) => {
      this.#waiting.push({ frame, taken, lost });
      this.#startStallClock();
    });
  }

  /**
   * Ends the response after what was accepted; what still waits for room is lost.
   *
   * @param retryMs tells the client when to come back, in milliseconds.
   */
  end(retryMs?: number): void {
    if (this.#hasEnded) return;
    if (this.#isOpen) this.#res.end(retryMs === undefined ? undefined : `retry: ${retryMs}\n\n`);
    this.#finish("ended");
    // A reader that takes nothing would hold the connection, and what was accepted, for ever.
    if (this.#isOpen) this.#startStallClock();
  }

  readonly #gone = (): void => {
    this.#finish("disconnected");
    this.#stopStallClock();
    this.#res.req.socket.off("close", this.#gone);
  };

  #hasRoom(): boolean {
    return this.#queuedBytes < this.#options.maxQueuedBytes;
  }

  #put(frame: string): void {
    const hasRoom = this.#res.write(frame);
    // Counted only once the response is full: from then on, a drain is sure to follow.
    this.#queuedBytes = hasRoom ? 0 : this.#queuedBytes + Buffer.byteLength(frame);
    // compression() holds bytes back until it is told to flush.
    this.#res.flush?.();
    this.#keepAlive?.refresh();
  }

  readonly #writeWaiting = (): void => {
    this.#queuedBytes = 0;
    this.#stopStallClock();
    while (this.#hasRoom()) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#put(next.frame);
      next.taken();
    }
    if (this.#waiting.length > 0) this.#startStallClock();
  };

  #startKeepAlive(): void {
    const { keepAliveMs } = this.#options;
    if (keepAliveMs === 0) return;
    this.#keepAlive = setTimeout(() => {
      // A reader that does not read gets no further bytes to not read.
      if (!this.#res.writableNeedDrain) this.#res.write(": keep-alive\n\n");
      this.#res.flush?.();
      this.#keepAlive?.refresh();
    }, keepAliveMs).unref();
  }

  #startStallClock(): void {
    const { stallMs } = this.#options;
    if (stallMs === 0 || this.#stall !== undefined) return;
    const before = progressOf(this.#res);
    this.#stall = setTimeout(() => {
      this.#stall = undefined;
      // A slow reader may need longer than this for all that is queued, and still be reading.
      if (progressOf(this.#res) !== before) {
        this.#startStallClock();
        return;
      }
      this.#finish("stalled");
      this.#res.destroy();
    }, stallMs).unref();
  }

  #stopStallClock(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  #finish(end: StreamEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#keepAlive);
    this.#stopStallClock();
    this.#res.off("drain", this.#writeWaiting);
    for (const { lost } of this.#waiting.splice(0)) lost(streamEnded());
    this.onend?.(end);
  }
}

/**
 * Something that changes whenever the peer takes bytes.
 *
 * `writableLength` falls only when a whole write is through, and one write may be megabytes; the
 * handle tells what is left of that one. Node's own socket timeout looks at the same number.
 */
function progressOf({ writableLength, socket }: ServerResponse): string {
  const { _handle: handle } = (socket ?? {}) as { _handle?: { writeQueueSize?: number } | null };
  return `${writableLength} ${handle?.writeQueueSize ?? 0}`;
}

function streamEnded(): McpSseError {
  return new McpSseError("session_closed", "The event stream has ended.");
}
