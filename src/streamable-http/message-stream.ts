import { messageFrame } from "../http/event.js";
import type { EventStream, StreamEnd, StreamOwner } from "../http/event-stream.js";
import { Outbox } from "../http/outbox.js";
import type { MessageMetadata, OutboxEntry } from "../http/outbox.js";
import type { MessageJson } from "../session/message-json.js";
import type { ByteHolder, WriteResult } from "../session/write-result.js";
import { McpSseError } from "../shared/errors.js";
import { formatPosition } from "./event-position.js";
import type { KeptStream } from "./kept-streams.js";

const NONE: readonly EventStream[] = [];

/** Position of an answer where nothing is kept, and all that comes before it has 0. */
const UNKEPT_ANSWER = 1;

/** What a stream is told to be. */
export interface MessageStreamInit {
  readonly sessionId: string;
  /** See `StreamPosition`. */
  readonly number: number;
  /** How soon its client comes back, in milliseconds; `undefined` where nothing is kept for it. */
  readonly retryMs: number | undefined;
  /** Counts what is kept. */
  readonly kept: ByteHolder;
  /** Counts what waits for a reader. */
  readonly queued: ByteHolder;
  /** Hears how it lost its reader. */
  readonly lost: (stream: MessageStream, end: StreamEnd) => void;
  /** Hears that its answer was written, or is not kept any more. */
  readonly changed: (stream: MessageStream) => void;
  /** What it was at another node. Default: it was at none. */
  readonly before?: KeptStream | undefined;
}

/**
 * One stream of events as its client knows it: over one response after the other, with ids that go
 * on. What was written to one response is kept for a while, since a client that was cut off says, by
 * the last id that it has, where the next is to go on.
 */
export class MessageStream implements StreamOwner {
  readonly number: number;
  readonly bytes: ByteHolder;
  readonly #init: MessageStreamInit;
  readonly #outbox: Outbox;
  #reader: EventStream | undefined;
  /** Readers before it that may be alive, oldest first. Nothing is sent to them. */
  #silent: readonly EventStream[] = NONE;
  /** Up to here a response has taken it; up to there it has left this process. */
  #takenSeq = 0;
  #leftSeq = 0;
  /** What had left when it was last looked. */
  #oldSeq = 0;
  /** Position of the answer that ends it. */
  #answerSeq: number | undefined;
  #hasBeenHeard = false;
  #isClosed = false;

  constructor(init: MessageStreamInit) {
    this.#init = init;
    this.number = init.number;
    this.bytes = init.queued;
    const { before } = init;
    this.#outbox = new Outbox(Infinity, init.kept, before?.outbox);
    if (before === undefined) return;
    this.#takenSeq = before.leftSeq;
    this.#leftSeq = before.leftSeq;
    this.#hasBeenHeard = before.hasBeenHeard;
    if (before.isFinished) this.#answerSeq = this.#outbox.lastSeq;
  }

  /** What another node needs to go on with it. */
  get luggage(): KeptStream {
    return {
      number: this.number,
      outbox: this.#outbox.kept,
      leftSeq: this.#leftSeq,
      isFinished: this.isFinished,
      hasBeenHeard: this.#hasBeenHeard,
    };
  }

  get isAttached(): boolean {
    return this.#reader !== undefined;
  }

  /** Whether a client has ever listened. */
  get hasBeenHeard(): boolean {
    return this.#hasBeenHeard;
  }

  /** Whether its answer was given: nothing more comes. */
  get isFinished(): boolean {
    return this.#answerSeq !== undefined;
  }

  /** Whether its answer was written to no response. */
  get hasWaitingAnswer(): boolean {
    return this.isKeeping && this.isFinished && (this.#answerSeq ?? 0) > this.#takenSeq;
  }

  /** See `Channel.waitingSince`. */
  get waitingSince(): number | undefined {
    const isDone = this.isFinished && !this.hasWaitingAnswer;
    return isDone ? undefined : this.#outbox.sentAfter(this.#leftSeq);
  }

  get isKeeping(): boolean {
    return this.#init.retryMs !== undefined;
  }

  get isEmpty(): boolean {
    return !this.#outbox.isWaiting;
  }

  /** What is kept, oldest first. */
  get entries(): readonly OutboxEntry[] {
    return this.#outbox.entries;
  }

  /** Whether all that a client lacks which has everything up to `seq` can be given to it. */
  canGoOnFrom(seq: number): boolean {
    return seq >= this.#outbox.forgottenSeq && seq <= this.#outbox.lastSeq;
  }

  /** Whether nothing comes behind `seq`. */
  endsAt(seq: number): boolean {
    return this.isFinished && (this.isEmpty || seq === this.#outbox.lastSeq);
  }

  /**
   * Writes to `reader` from now on, what is kept first. Of earlier ones, which may be half-open, the
   * newest `maxSilent` stay until it ends, and the others end.
   *
   * @param isPriming whether the client is given an id at once, before there is a message.
   * @param maxSilent default: 0.
   */
  attach(reader: EventStream, isPriming: boolean, maxSilent = 0): void {
    this.#silence(maxSilent);
    this.#reader = reader;
    this.#hasBeenHeard = true;
    reader.owner = this;
    const { retryMs } = this.#init;
    if (isPriming && retryMs !== undefined) {
      const id = this.#idOf(this.#outbox.keptSeq);
      reader.write(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`)?.catch(ignore);
    }
    for (const entry of [...this.#outbox.entries]) this.#put(entry)?.catch(ignore);
    // It may have left before anybody was told.
    if (!reader.isOpen) this.streamEnded(reader, "disconnected");
  }

  /** The client has everything up to `seq`. */
  acknowledge(seq: number): void {
    this.#outbox.acknowledge(seq);
  }

  /** @throws McpSseError when much was written again just now. */
  admitReader(): void {
    this.#outbox.noteRewriting(Math.min(this.#init.retryMs ?? 0, 1_000));
  }

  /** The client has answered a request of the server. */
  settle(requestId: string | number): void {
    this.#outbox.settle(requestId);
  }

  /** Ends its responses; the stream may go on over another. */
  detach(retryMs?: number): void {
    const reader = this.#leave();
    if (reader !== undefined) endReader(reader, retryMs);
    this.#endSilent(retryMs);
  }

  /** @returns when it was taken, or kept; a promise that rejects where nobody hears it. */
  send(json: MessageJson, metadata: MessageMetadata): WriteResult {
    if (this.#isClosed) return undefined;
    if (!this.isKeeping) {
      if (this.#reader === undefined) return Promise.reject(noStream());
      return this.#put({ ...json, seq: metadata.kind === "answer" ? UNKEPT_ANSWER : 0, metadata });
    }
    const entry = this.#outbox.append(json, metadata);
    return this.#reader === undefined ? undefined : this.#put(entry)?.catch(ignore);
  }

  /** Sends the answer, and ends. */
  finish(json: MessageJson): WriteResult {
    if (this.#isClosed) return undefined;
    this.#answerSeq = this.isKeeping ? this.#outbox.lastSeq + 1 : UNKEPT_ANSWER;
    return this.send(json, { kind: "answer" });
  }

  /** Ends, and keeps nothing: there will be no answer, or nobody who comes for it. */
  close(retryMs?: number, cutAfterMs?: number): void {
    this.#isClosed = true;
    this.#answerSeq = 0;
    this.#outbox.clear();
    this.#leave()?.end(retryMs, cutAfterMs);
    this.#endSilent(retryMs, cutAfterMs);
    this.#init.changed(this);
  }

  /** Forgets the oldest messages that have left, but for the newest one. @returns whether there were any. */
  forgetSent(): boolean {
    return this.#forgetUpTo(Math.min(this.#leftSeq, this.#outbox.lastSeq - 1));
  }

  /** Forgets the oldest message, unless it is the newest. @returns whether there was one. */
  forgetOldest(): boolean {
    return this.#forgetUpTo(Math.min(this.#outbox.keptSeq + 1, this.#outbox.lastSeq - 1));
  }

  /** Forgets what had left already when this was last called. */
  forgetOld(): void {
    this.#forgetUpTo(this.#oldSeq);
    this.#oldSeq = this.#leftSeq;
  }

  streamEnded(reader: EventStream, end: StreamEnd): void {
    if (reader !== this.#reader) {
      this.#silent = this.#silent.filter((silent) => silent !== reader);
      return;
    }
    this.#leave();
    // A client that does not open this one again comes back for one of those.
    this.#endSilent(this.#init.retryMs);
    this.#init.lost(this, end);
  }

  streamDrained(reader: EventStream): void {
    if (reader !== this.#reader || reader.isBlocked) return;
    this.#leftSeq = Math.max(this.#leftSeq, this.#takenSeq);
  }

  #leave(): EventStream | undefined {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.streamDrained(reader);
      this.#reader = undefined;
      // What is stuck in a response that was cut was not written to anybody.
      this.#takenSeq = this.#leftSeq;
    }
    return reader;
  }

  /** Writes no more to its reader, which stays, unless it has taken too little: then nobody may be there. */
  #silence(maxSilent: number): void {
    const reader = this.#leave();
    if (reader === undefined) return;
    if (maxSilent === 0 || reader.isBlocked) {
      endReader(reader);
      return;
    }
    const silent = [...this.#silent, reader];
    this.#silent = silent.slice(-maxSilent);
    for (const oldest of silent.slice(0, -maxSilent)) oldest.end();
  }

  #endSilent(retryMs?: number, cutAfterMs?: number): void {
    const silent = this.#silent;
    this.#silent = NONE;
    for (const reader of silent) reader.end(retryMs, cutAfterMs);
  }

  #put({ seq, json, bytes }: OutboxEntry): WriteResult {
    const reader = this.#reader;
    if (reader === undefined) return Promise.reject(noStream());
    const frame = messageFrame(json, this.isKeeping ? this.#idOf(seq) : undefined);
    // All but the JSON is ASCII.
    const result = reader.write(frame, frame.length - json.length + bytes);
    if (result !== undefined) return result.then(() => this.#noteTaken(reader, seq));
    this.#noteTaken(reader, seq);
    return undefined;
  }

  #noteTaken(reader: EventStream, seq: number): void {
    if (reader !== this.#reader) return;
    this.#takenSeq = Math.max(this.#takenSeq, seq);
    this.streamDrained(reader);
    if (seq !== this.#answerSeq) return;
    this.#reader = undefined;
    reader.end();
    this.#init.changed(this);
  }

  #forgetUpTo(seq: number): boolean {
    if (seq <= this.#outbox.keptSeq) return false;
    this.#outbox.forget(seq);
    return true;
  }

  #idOf(seq: number): string {
    return formatPosition({ sessionId: this.#init.sessionId, stream: this.number, seq });
  }
}

function noStream(): McpSseError {
  return new McpSseError("session_closed", "The client has no stream on which it could hear this.");
}

/** What is stuck in a response is for a reader who does not read. */
function endReader(reader: EventStream, retryMs?: number): void {
  reader.end(retryMs, reader.isBlocked ? 0 : undefined);
}

function ignore(): void {
  // Cut off before it was written, it is kept, and that is a success.
}
