import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { McpSseError } from "../shared/errors.js";
import { FrameWriter } from "./frame-writer.js";
import { onResponseEnd, onResponseTurn, whenFinished } from "./response-end.js";
import { readerProblem, ReaderWatch } from "./slow-reader.js";
import type { EventStreamOptions } from "../options/stream-options.js";
import type { ByteHolder, WriteResult } from "../session/write-result.js";

/**
 * Why a stream ended: we ended it, the peer or the network did, the reader took nothing for too
 * long, or it did not read while too much was waiting for it.
 */
export type StreamEnd = "ended" | "disconnected" | "stalled" | "overrun";

/** Who is told what becomes of a stream; an object, since there is one for each session. */
export interface StreamOwner {
  /** However the stream ends, once. */
  streamEnded(stream: EventStream, end: StreamEnd): void;
  /** Whenever all that was accepted so far has left this process. */
  streamDrained?(stream: EventStream): void;
  /** When a comment is due. @returns whether something was written in its place. */
  streamIsSilent?(stream: EventStream): boolean;
  /** Counts what waits for the reader. Default: nobody does. */
  readonly bytes?: ByteHolder;
}

/** Keeps caches, transforming proxies and buffering ones (nginx) out of the way. */
const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

/**
 * How long the last bytes of a stream may take to leave at most, in milliseconds. Nobody counts a stream
 * any more that has ended, so it must not last as long as its reader likes.
 */
const LONGEST_END_MS = 60_000;

/** A comment, which clients skip. */
const KEEP_ALIVE = ": keep-alive\n\n";

/** A frame for which the queue had no room yet. */
interface WaitingFrame {
  readonly frame: string;
  readonly bytes: number;
  readonly taken: () => void;
  readonly lost: (error: Error) => void;
}

/**
 * The bytes of one SSE response: frames, keep-alive, and a bounded queue in front of a slow
 * reader.
 *
 * A frame that was accepted is written once and in order. When the reader is slow, it is taken
 * late, so that the sender slows down with it instead of filling the memory.
 */
export class EventStream {
  /** Is told what becomes of the stream. */
  owner: StreamOwner | undefined;

  readonly #res: ServerResponse;
  readonly #options: EventStreamOptions;
  /** Made once something waits for the reader. */
  #watch: ReaderWatch | undefined;
  readonly #waiting: WaitingFrame[] = [];
  #waitingBytes = 0;
  /** `undefined` until the stream is open. */
  #writer: FrameWriter | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  /** Bytes in the response since it last had room. */
  #queuedBytes = 0;
  /** Whoever counts what waits, and how much that was. */
  #holder: ByteHolder | undefined;
  #heldBytes = 0;
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

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether some of what was accepted has not left this process. */
  get isBlocked(): boolean {
    return this.#queuedBytes > 0;
  }

  /** Resolves when all that was accepted has left this process, or never will. Call it after `end`. */
  whenGone(): Promise<void> {
    return this.#isOpen ? whenFinished(this.#res) : Promise.resolve();
  }

  /** Sends what `write` writes in one piece, where it can be. */
  cork(write: () => void): void {
    const { socket } = this.#res;
    socket?.cork();
    try {
      write();
    } finally {
      socket?.uncork();
    }
  }

  /**
   * Sends the response's head at once, so that clients and proxies know of the stream before its
   * first event.
   *
   * @param cookie value of a `Set-Cookie` that is sent beside those that are set already.
   */
  open(cookie?: string): void {
    const res = this.#res;
    // A header that was set before, say by a CORS middleware, stays.
    res.writeHead(200, { ...STREAM_HEADERS, ...this.#cookies(cookie) });
    res.flushHeaders();
    this.#writer = new FrameWriter(res);
    this.#writer.onDrain(this.#writeWaiting);
    res.on("error", ignore);
    this.#isOpen = true;
    // A body that nobody reads would keep the end of its connection from being seen.
    res.req.resume();
    onResponseEnd(res, this.#gone);
    if (!this.#hasEnded) this.#startKeepAlive();
  }

  /**
   * Queues a frame behind those before it.
   *
   * @param bytes length of the frame in UTF-8, if that is known.
   * @returns when it was taken; a promise that rejects with `session_closed` when the stream ended
   * before that.
   */
  write(frame: string, bytes = Buffer.byteLength(frame)): WriteResult {
    if (!this.isOpen) return Promise.reject(streamEnded());
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      this.#put(frame, bytes);
      return undefined;
    }
    return new Promise((taken, lost) => {
      this.#waiting.push({ frame, bytes, taken, lost });
      this.#waitingBytes += bytes;
      this.#count();
      this.#startWatch();
      this.#checkReader(0);
    });
  }

  /**
   * Ends the response after what was accepted; what still waits for room is lost. A reader that
   * takes nothing for `stallMs` loses the rest.
   *
   * @param retryMs tells the client when to come back, in milliseconds.
   * @param cutAfterMs how long the rest may take to leave at all, in milliseconds; 0: it is lost. Default: a
   * minute from when it is the turn of this response on its connection.
   */
  end(retryMs?: number, cutAfterMs?: number): void {
    if (this.#hasEnded) return;
    if (cutAfterMs === 0) {
      this.#cut("ended");
      return;
    }
    if (this.#isOpen) this.#res.end(retryMs === undefined ? undefined : `retry: ${retryMs}\n\n`);
    this.#finish("ended");
    if (!this.#isOpen || this.#res.writableFinished) return;
    if (this.#options.stallMs > 0) this.#startWatch();
    if (cutAfterMs !== undefined) this.#cutAfter(cutAfterMs);
    else onResponseTurn(this.#res, () => this.#cutAfter(LONGEST_END_MS));
  }

  /**
   * Leaves the open response to somebody else, who goes on behind what was written. Nothing more comes from
   * here, and nobody is told how it ends.
   */
  letGo(): void {
    this.owner = undefined;
    this.#finish("ended");
  }

  #cutAfter(ms: number): void {
    const cut = setTimeout(() => this.#res.destroy(), ms).unref();
    onResponseEnd(this.#res, () => clearTimeout(cut));
  }

  readonly #gone = (): void => {
    this.#finish("disconnected");
    this.#watch?.stop();
    this.#queuedBytes = 0;
    this.#count();
  };

  /** Not set one by one: then Node would keep them apart for as long as the stream lasts. */
  #cookies(cookie: string | undefined): OutgoingHttpHeaders {
    if (cookie === undefined) return {};
    const others = this.#res.getHeader("Set-Cookie") ?? [];
    return { "Set-Cookie": [others, cookie].flat() as string[] };
  }

  #hasRoom(): boolean {
    return this.#queuedBytes < this.#options.maxQueuedBytes;
  }

  #put(frame: string, bytes: number): void {
    const hasRoom = this.#writer?.write(frame, bytes) ?? false;
    // Counted only once the response is full: from then on, a drain is sure to follow.
    this.#queuedBytes = hasRoom ? 0 : this.#queuedBytes + bytes;
    this.#count();
    if (!hasRoom) this.#startWatch();
    this.#keepAlive?.refresh();
  }

  readonly #writeWaiting = (): void => {
    this.#queuedBytes = 0;
    this.#watch?.stop();
    this.owner?.streamDrained?.(this);
    while (this.#hasRoom()) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingBytes -= next.bytes;
      this.#put(next.frame, next.bytes);
      next.taken();
    }
    this.#count();
    if (this.#waiting.length > 0) this.#startWatch();
  };

  /** Tells whoever counts what waits for the reader. */
  #count(): void {
    const bytes = this.#queuedBytes + this.#waitingBytes;
    if (bytes === this.#heldBytes) return;
    this.#holder ??= this.owner?.bytes;
    if (this.#holder === undefined) return;
    this.#holder.hold(bytes - this.#heldBytes);
    this.#heldBytes = bytes;
  }

  #startKeepAlive(): void {
    const { keepAliveMs } = this.#options;
    if (keepAliveMs === 0) return;
    this.#keepAlive = setTimeout(keepAlive, keepAliveMs, this).unref();
  }

  /** Writes a comment, or what is due instead, and another one after the next silence. */
  keepAlive(): void {
    // A reader that does not read gets no further bytes to not read.
    const canTake = this.#writer?.needsDrain === false;
    if (canTake && this.owner?.streamIsSilent?.(this) !== true) {
      this.#writer?.write(KEEP_ALIVE, KEEP_ALIVE.length);
    }
    this.#keepAlive?.refresh();
  }

  #startWatch(): void {
    this.#watch ??= new ReaderWatch(this.#res, (untakenMs) => this.#checkReader(untakenMs));
    this.#watch.start(this.#options.stallMs);
  }

  #checkReader(untakenMs: number): void {
    const [first] = this.#waiting;
    const piledBytes = this.#waitingBytes - (first?.bytes ?? 0);
    const problem = readerProblem({ piledBytes, untakenMs }, this.#options);
    if (problem === undefined) return;
    this.#cut(problem);
  }

  #cut(end: StreamEnd): void {
    this.#finish(end);
    this.#watch?.stop();
    this.#res.destroy();
    this.#queuedBytes = 0;
    this.#count();
  }

  #finish(end: StreamEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#keepAlive);
    this.#watch?.stop();
    this.#writer?.offDrain(this.#writeWaiting);
    this.#waitingBytes = 0;
    this.#count();
    for (const { lost } of this.#waiting.splice(0)) lost(streamEnded());
    this.owner?.streamEnded(this, end);
  }
}

/** One function for the timers of all streams: most sessions are idle, and there are many. */
function keepAlive(stream: EventStream): void {
  stream.keepAlive();
}

function ignore(): void {
  // The close that follows is what counts.
}

function streamEnded(): McpSseError {
  return new McpSseError("session_closed", "The event stream has ended.");
}
