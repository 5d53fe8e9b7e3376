import { randomUUID } from "node:crypto";
import { McpSseError } from "../errors.js";
import { encodeEvent } from "../wire/event-stream.js";
import type { EventStream } from "../wire/event-stream.js";
import type { JsonRpcMessage } from "../wire/message-body.js";
import { Outbox } from "./outbox.js";
import type { OutboxEntry } from "./outbox.js";
import { ProgressGap } from "./progress-gap.js";
import { formatEventId } from "./reconnect.js";

/** How a session outlives its streams. */
export interface ResumeOptions {
  /** Milliseconds for which a session waits for its client to come back. */
  readonly graceMs: number;
  /** Bytes of messages that are kept for a client until it is known to have them. */
  readonly maxBufferedBytes: number;
  /** Milliseconds after which clients come back to a stream that was cut. */
  readonly retryMs: number;
  /** Milliseconds for which a returning client may take to say which session is its own. */
  readonly probeMs: number;
  /** Whether a client whose session is gone is made to close, so that its calls fail at once. */
  readonly closeLostClients: boolean;
}

/** Begins the ids of pings that ask for an acknowledgement; no SDK server uses text for its ids. */
const ACK_PREFIX = "express-mcp-sse-ack-";

/**
 * How long after a message its acknowledgement is asked for, in milliseconds: one ping serves all
 * until then, and what was written in this time may be written twice.
 */
const ACK_DELAY_MS = 250;

/**
 * After how long it is asked for again, in milliseconds: a client sends its answer once, and that
 * may be lost. Of a client that is slow the first answers still count, up to as many.
 */
const ASK_AGAIN_MS = 10_000;
const MAX_ASKED = 10;

/** Why a message cannot be kept for a client that is away. */
export const OVERFLOW = Symbol("overflow");

/** A message that has to wait for its turn. */
interface HeldEntry {
  readonly entry: OutboxEntry;
  readonly settle: (sent: Promise<void>) => void;
}

/**
 * How messages reach the client: in order, over one stream after the other.
 *
 * Each message is kept until the client is known to have it. It says so by answering a ping that
 * was written after it, by answering a request, or by naming the last event that it has. What it
 * may not have is written again, first of all, to its next stream.
 */
export class Delivery {
  readonly #sessionId: string;
  readonly #outbox: Outbox;
  readonly #isKeeping: boolean;
  readonly #gap = new ProgressGap();
  readonly #held: HeldEntry[] = [];
  #stream: EventStream | undefined;
  /** The newest message that was handed to the stream, and the newest that the stream took. */
  #putSeq = 0;
  #writtenSeq = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  /** The pings that wait for their answers, and what these will acknowledge; oldest first. */
  #asked: { readonly id: string; readonly seq: number; readonly at: number }[] = [];
  /** Whether the client has answered a ping of ours. */
  #hasAnswered = false;
  #changeListeners: (() => void)[] = [];
  /** Whether the client can be expected to answer a ping. */
  isAnswering = false;

  constructor(sessionId: string, resume: ResumeOptions | undefined) {
    this.#sessionId = sessionId;
    this.#isKeeping = resume !== undefined;
    this.#outbox = new Outbox(resume?.maxBufferedBytes ?? 0);
  }

  /** Whether there is a stream to write to. */
  get isAttached(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether more is kept than may be while the client is away. */
  get isOverfull(): boolean {
    return this.#outbox.isOverfull;
  }

  /** Whether an answer has not been written to the client's stream. */
  get hasWaitingAnswer(): boolean {
    return this.#outbox.entries.some(
      ({ seq, message }) => seq > this.#writtenSeq && !("method" in message),
    );
  }

  /** Whether anything is kept that the client may not have. */
  get isWaiting(): boolean {
    return this.#outbox.isWaiting;
  }

  /** Resolves when messages were written or acknowledged, or the stream was left. */
  whenChanged(): Promise<void> {
    return new Promise((resolve) => this.#changeListeners.push(resolve));
  }

  isAttachedTo(stream: EventStream): boolean {
    return this.#stream === stream;
  }

  /** Keeps answers apart from the progress of their calls. */
  get progress(): ProgressGap {
    return this.#gap;
  }

  /**
   * Writes to `stream` from now on: the endpoint event first, then what the client may not have.
   * An earlier stream ends, since a client that opened another does not read it any more.
   */
  attach(stream: EventStream, endpoint: string, retryMs?: number): void {
    const before = this.#leaveStream();
    // What it did not take would wait for nobody, once for each stream that a client opens.
    before?.end(undefined, before.isBlocked ? 0 : undefined);
    this.#stream = stream;
    // A reader that is never faster than its messages come leaves no other moment.
    stream.ondrain = () => this.#forgetWritten(stream);
    const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
    const id = this.#isKeeping ? { id: this.#idOf(this.#outbox.keptSeq) } : undefined;
    // A client that left again meanwhile makes the stream end, which its owner hears of.
    stream
      .write(retry + encodeEvent({ event: "endpoint", data: endpoint, ...id }))
      .catch(() => undefined);
    for (const entry of this.#outbox.entries) this.#transmit(entry).catch(() => undefined);
    if (this.#outbox.isWaiting) this.#askSoon(0);
  }

  /** Stops writing; what comes now is kept for the next stream. @returns the stream that was left. */
  detach(): EventStream | undefined {
    return this.#leaveStream();
  }

  /**
   * Sends a message, or keeps it while nobody is listening.
   *
   * @returns a promise that resolves when the socket, or its bounded queue, took the message, or it
   * is kept. Rejects with {@link OVERFLOW} as its cause when there is no room to keep it.
   */
  async send(message: JsonRpcMessage): Promise<void> {
    const json = JSON.stringify(message);
    if (!this.#isKeeping) {
      await this.#writeUnkept(message, json);
      return;
    }
    const entry = this.#outbox.append(message, json);
    if (this.#stream === undefined) {
      if (this.#outbox.isOverfull) throw overflow();
      return;
    }
    // A request must not be repeated once the client works on it, so it is asked for at once.
    this.#askSoon("method" in message && "id" in message ? 0 : ACK_DELAY_MS);
    // Cut off before it was written, it is kept, and that is a success.
    await this.#transmit(entry).catch(() => undefined);
  }

  /** Writes bytes that belong to this stream only. */
  write(frame: string): Promise<void> {
    return this.#stream?.write(frame) ?? Promise.reject(noStream());
  }

  /** The client has everything up to `seq`. @returns whether all the rest can still be sent. */
  acknowledge(seq: number): boolean {
    if (seq < this.#outbox.forgottenSeq) return false;
    this.#outbox.acknowledge(seq);
    this.#announceChange();
    return true;
  }

  /**
   * Looks whether an answer of the client acknowledges something.
   *
   * @returns whether the answer was meant for us, and not for the server.
   */
  takeAnswer(message: JsonRpcMessage): boolean {
    if ("method" in message || message.id === undefined) return false;
    const { id } = message;
    if (typeof id !== "string" || !id.startsWith(ACK_PREFIX)) {
      this.#outbox.settle(id);
      this.#release();
      return false;
    }
    const index = this.#asked.findIndex((asked) => asked.id === id);
    const [ping] = this.#asked.splice(0, index + 1).slice(-1);
    if (ping !== undefined) {
      this.#outbox.acknowledge(ping.seq);
      this.#hasAnswered = true;
      this.#announceChange();
      if (this.#outbox.isWaiting) this.#askSoon(ACK_DELAY_MS);
      this.#release();
    }
    return true;
  }

  async #writeUnkept(message: JsonRpcMessage, json: string): Promise<void> {
    if (this.#stream === undefined) throw noStream();
    await this.#transmit({ seq: 0, message, json, bytes: 0 });
  }

  /** Writes a message in its turn. */
  #transmit(entry: OutboxEntry): Promise<void> {
    if (this.#held.length === 0 && this.#delayOf(entry) === 0) return this.#put(entry);
    return new Promise((resolve) => {
      this.#held.push({ entry, settle: resolve });
      if (this.#held.length === 1) this.#release();
    });
  }

  /** Milliseconds that a message has to wait for the client to see the progress before it. */
  #delayOf({ message }: OutboxEntry): number {
    const canTell = this.#isKeeping && this.isAnswering;
    const acknowledged = { seq: this.#outbox.keptSeq, hasAnswered: this.#hasAnswered };
    return this.#gap.delayOf(message, performance.now(), canTell ? acknowledged : undefined);
  }

  /** Writes what had to wait, up to what still has to. */
  readonly #release = (): void => {
    clearTimeout(this.#gapTimer);
    this.#gapTimer = undefined;
    for (;;) {
      const [next] = this.#held;
      if (next === undefined) return;
      // What the client was found to have meanwhile is not sent again.
      if (this.#isKeeping && next.entry.seq <= this.#outbox.keptSeq) {
        this.#held.shift();
        next.settle(Promise.resolve());
        continue;
      }
      const delay = this.#delayOf(next.entry);
      if (delay > 0) {
        this.#gapTimer = setTimeout(this.#release, delay);
        this.#askSoon(0);
        return;
      }
      this.#held.shift();
      next.settle(this.#put(next.entry));
    }
  };

  #put({ seq, message, json }: OutboxEntry): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return Promise.reject(noStream());
    this.#putSeq = seq;
    this.#gap.noteWritten(message, seq, performance.now());
    // JSON has no raw line breaks, so the frame needs no look at its data.
    const id = this.#isKeeping ? `id: ${this.#idOf(seq)}\n` : "";
    const written = stream.write(`${id}event: message\ndata: ${json}\n\n`);
    if (!this.#isKeeping) return written;
    return written.then(() => {
      this.#noteWritten(stream, seq);
    });
  }

  #noteWritten(stream: EventStream, seq: number): void {
    if (stream !== this.#stream) return;
    this.#writtenSeq = Math.max(this.#writtenSeq, seq);
    this.#forgetWritten(stream);
    this.#announceChange();
  }

  /** What has not even left this process is kept: it is certain that the client does not have it. */
  #forgetWritten(stream: EventStream): void {
    if (this.#outbox.isOverfull && !stream.isBlocked) this.#outbox.shrink(this.#writtenSeq);
  }

  #announceChange(): void {
    for (const resolve of this.#changeListeners.splice(0)) resolve();
  }

  #askSoon(ms: number): void {
    const last = this.#asked.at(-1);
    const isAsked = last !== undefined && performance.now() - last.at < ASK_AGAIN_MS;
    if (!this.isAnswering || isAsked) return;
    if (ms === 0) clearTimeout(this.#ackTimer);
    else if (this.#ackTimer !== undefined) return;
    this.#ackTimer = setTimeout(this.#ask, ms).unref();
  }

  /** Asks for everything that was written. */
  readonly #ask = (): void => {
    this.#ackTimer = undefined;
    if (this.#stream === undefined || this.#putSeq <= this.#outbox.keptSeq) return;
    const id = `${ACK_PREFIX}${randomUUID()}`;
    this.#asked.push({ id, seq: this.#putSeq, at: performance.now() });
    if (this.#asked.length > MAX_ASKED) this.#asked.shift();
    this.#stream.write(pingFrame(id)).catch(() => undefined);
  };

  #leaveStream(): EventStream | undefined {
    const stream = this.#stream;
    if (stream !== undefined) this.#forgetWritten(stream);
    this.#stream = undefined;
    this.#asked = [];
    this.#putSeq = 0;
    this.#writtenSeq = 0;
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#gapTimer);
    this.#ackTimer = undefined;
    this.#gapTimer = undefined;
    // Where messages are kept, the next stream gets these too.
    for (const held of this.#held.splice(0)) held.settle(Promise.reject(noStream()));
    this.#announceChange();
    return stream;
  }

  #idOf(seq: number): string {
    return formatEventId({ sessionId: this.#sessionId, seq });
  }
}

/** A ping, as an event without an id: it is no part of the conversation. */
export function pingFrame(id: string): string {
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", id, method: "ping" })}\n\n`;
}

function overflow(): McpSseError {
  return new McpSseError("session_closed", "Too much is waiting for a client that is away.", {
    cause: OVERFLOW,
  });
}

function noStream(): McpSseError {
  return new McpSseError("session_closed", "The session has no open event stream.");
}
