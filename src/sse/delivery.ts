import { McpSseError } from "../shared/errors.js";
import { encodeEvent, messageFrame, pingFrame } from "../http/event.js";
import type { EventStream } from "../http/event-stream.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { AckPings } from "./ack-pings.js";
import type { PingWriter } from "./ack-pings.js";
import type { ByteHolder, WriteResult } from "../session/write-result.js";
import type { MessageJson } from "../session/message-json.js";
import { Outbox } from "../http/outbox.js";
import type { KeptOutbox, OutboxEntry, WatchedCaller } from "../http/outbox.js";
import { ProgressOrdering } from "./progress-order.js";
import { formatEventId } from "./event-id.js";
import type { ResumeOptions } from "../options/resume-options.js";

/** A message that has to wait for its turn. */
interface QueuedEntry {
  readonly entry: OutboxEntry;
  readonly settle: (result: WriteResult) => void;
}

/**
 * How messages reach the client: in order, over one stream after the other.
 *
 * Each message is kept until the client is known to have it. It says so by answering a ping that
 * was written after it, by answering a request, or by naming the last event that it has. What it
 * may not have is written again, first of all, to its next stream.
 */
export class Delivery implements PingWriter {
  readonly #sessionId: string;
  readonly #outbox: Outbox;
  readonly #isKeeping: boolean;
  readonly #ordering = new ProgressOrdering();
  readonly #queued: QueuedEntry[] = [];
  #stream: EventStream | undefined;
  /** The newest message that was handed to the stream, and the newest that the stream took. */
  #putSeq = 0;
  #writtenSeq = 0;
  /** Up to here all messages have left this process, on whichever stream. */
  #leftSeq = 0;
  #orderTimer: NodeJS.Timeout | undefined;
  readonly #pings = new AckPings(this);
  #changeListeners: (() => void)[] = [];

  /**
   * @param holder is told how much is kept.
   * @param before what the session's node before has kept. Default: there was none.
   * @param caller whose calls are over when it has their answers. Default: nobody's.
   */
  constructor(
    sessionId: string,
    resume: ResumeOptions | undefined,
    holder?: ByteHolder,
    before?: KeptOutbox,
    caller?: WatchedCaller,
  ) {
    this.#sessionId = sessionId;
    this.#isKeeping = resume !== undefined;
    this.#outbox = new Outbox(resume?.maxBufferedBytes ?? 0, holder, before, caller);
  }

  /** What the client is not known to have, for another node. */
  get kept(): KeptOutbox {
    return this.#outbox.kept;
  }

  /** Whether there is a stream to write to. */
  get isAttached(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether more is kept than may be while the client is away. */
  get isOverfull(): boolean {
    return this.#outbox.isOverfull;
  }

  /**
   * Whether an answer was not written to any stream of the client. One that has left this process
   * is none: whether the client had it before it left, nobody knows.
   */
  get hasWaitingAnswer(): boolean {
    const written = Math.max(this.#writtenSeq, this.#leftSeq);
    return this.#outbox.entries.some(
      ({ seq, metadata }) => seq > written && metadata.kind === "answer",
    );
  }

  /** Whether a message is neither kept nor known to have arrived. */
  get hasGap(): boolean {
    return this.#outbox.hasGap;
  }

  /** See {@link Channel.waitingSince}. */
  get waitingSince(): number | undefined {
    return this.#outbox.sentAfter(0);
  }

  /** Resolves when no answer waits, or nobody is left to hear it. */
  async whenSettled(): Promise<void> {
    while (this.hasWaitingAnswer) {
      await new Promise<void>((resolve) => this.#changeListeners.push(resolve));
    }
  }

  /** @throws McpSseError when much was written to another stream just now. */
  admitStream(retryMs = 0): void {
    this.#outbox.noteRewriting(Math.min(retryMs, 1_000));
  }

  isAttachedTo(stream: EventStream): boolean {
    return this.#stream === stream;
  }

  /** Keeps answers apart from the progress of their calls. */
  get progress(): ProgressOrdering {
    return this.#ordering;
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
    const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
    const id = this.#isKeeping ? { id: this.#idOf(this.#outbox.keptSeq) } : undefined;
    const first = encodeEvent({ event: "endpoint", data: endpoint, ...id });
    // A client that left again meanwhile makes the stream end, which its owner hears of.
    stream.write(retry + first)?.catch(() => undefined);
    // A copy, since what is written may be forgotten at once.
    for (const entry of [...this.#outbox.entries]) {
      this.#transmit(entry)?.catch(() => undefined);
    }
    if (this.#outbox.isWaiting) this.#pings.askAtOnce(this.#outbox.lastSeq);
  }

  /** Stops writing; what comes now is kept for the next stream. @returns the stream that was left. */
  detach(): EventStream | undefined {
    return this.#leaveStream();
  }

  /** Stops for good: nothing is kept any more. @returns the stream that was left. */
  stop(): EventStream | undefined {
    const stream = this.#leaveStream();
    this.#outbox.clear();
    return stream;
  }

  /**
   * Sends a message, or keeps it while nobody is listening.
   *
   * @returns when it was taken, or kept; a promise that rejects when there is no stream and nothing
   * is kept, or no room to keep it: then {@link isOverfull} holds.
   */
  send(message: JsonRpcMessage, json: MessageJson): WriteResult {
    const metadata = this.#ordering.metadataOf(message);
    if (!this.#isKeeping) {
      return this.#stream === undefined
        ? Promise.reject(noStream())
        : this.#transmit({ ...json, seq: 0, metadata });
    }
    const entry = this.#outbox.append(json, metadata, message);
    if (this.#stream === undefined) {
      return this.#outbox.isOverfull ? Promise.reject(overflow()) : undefined;
    }
    this.#pings.askFor(entry, this.#outbox);
    // Cut off before it was written, it is kept, and that is a success.
    return this.#transmit(entry)?.catch(() => undefined);
  }

  /** The client can be expected to answer a ping: it was initialized at another node. */
  expectAnswers(): void {
    this.#pings.start();
  }

  /**
   * The client is initialized, by the first such message: it can be expected to answer a ping. If
   * the message says so itself, it has the answer to `initialize`. Later messages change nothing.
   *
   * @see MCP 2024-11-05, basic/lifecycle, "Initialization"
   */
  noteInitialized(message: JsonRpcMessage): void {
    if (this.#pings.isAnswering) return;
    this.#pings.start();
    const { method } = message as { method?: unknown };
    if (method === "notifications/initialized") this.#outbox.settleFirstAnswer();
  }

  /** Asks the client whether it has what waits for that. @returns whether anything did. */
  writePing(): boolean {
    const isDue = this.#pings.isAnswering && this.#putSeq > this.#outbox.keptSeq;
    if (this.#stream === undefined || !isDue) return false;
    this.#stream.write(pingFrame(this.#pings.ask(this.#putSeq)))?.catch(() => undefined);
    return true;
  }

  /** Writes bytes that belong to this stream only. */
  write(frame: string): WriteResult {
    return this.#stream === undefined ? Promise.reject(noStream()) : this.#stream.write(frame);
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
    if (!this.#pings.isOurs(id)) {
      this.#outbox.settle(id);
      this.#release();
      return false;
    }
    const seq = this.#pings.take(id);
    if (seq !== undefined) {
      this.#outbox.acknowledge(seq);
      this.#announceChange();
      this.#pings.askForRest(this.#outbox);
      this.#release();
    }
    return true;
  }

  /**
   * What was written may have left this process. When too much is kept, that makes room; what has
   * not even left stays, since it is certain that the client does not have it.
   */
  noteDrained(stream: EventStream): void {
    if (stream.isBlocked) return;
    this.#leftSeq = Math.max(this.#leftSeq, this.#writtenSeq);
    if (!this.#outbox.isOverfull) return;
    this.#outbox.shrink(this.#writtenSeq);
    // The sooner the client says that it has it, the shorter nobody knows.
    this.#pings.askIn(0);
  }

  /** Writes a message in its turn. */
  #transmit(entry: OutboxEntry): WriteResult {
    if (this.#queued.length === 0 && this.#delayOf(entry) === 0) return this.#put(entry);
    return new Promise((resolve, reject) => {
      const settle = (result: WriteResult): void => {
        if (result === undefined) resolve();
        else result.then(resolve, reject);
      };
      this.#queued.push({ entry, settle });
      if (this.#queued.length === 1) this.#release();
    });
  }

  /** Milliseconds that a message has to wait for the client to see the progress before it. */
  #delayOf({ metadata }: OutboxEntry): number {
    if (this.#ordering.isIdle) return 0;
    const canTell = this.#isKeeping && this.#pings.isAnswering;
    const acknowledged = { seq: this.#outbox.keptSeq, hasAnswered: this.#pings.hasAnswered };
    return this.#ordering.delayOf(metadata, performance.now(), canTell ? acknowledged : undefined);
  }

  /** Writes what had to wait, up to what still has to. */
  #release(): void {
    clearTimeout(this.#orderTimer);
    this.#orderTimer = undefined;
    for (;;) {
      const [next] = this.#queued;
      if (next === undefined) return;
      // What the client was found to have meanwhile is not sent again.
      if (this.#isKeeping && next.entry.seq <= this.#outbox.keptSeq) {
        this.#queued.shift();
        next.settle(undefined);
        continue;
      }
      const delay = this.#delayOf(next.entry);
      if (delay > 0) {
        this.#orderTimer = setTimeout(() => this.#release(), delay);
        this.#pings.askAtOnce(this.#putSeq);
        return;
      }
      this.#queued.shift();
      next.settle(this.#put(next.entry));
    }
  }

  #put(entry: OutboxEntry): WriteResult {
    const stream = this.#stream;
    if (stream === undefined) return Promise.reject(noStream());
    const { seq, json, bytes } = entry;
    this.#putSeq = seq;
    this.#ordering.noteWritten(entry);
    const frame = messageFrame(json, this.#isKeeping ? this.#idOf(seq) : undefined);
    // All but the JSON is ASCII.
    const result = stream.write(frame, frame.length - json.length + bytes);
    if (!this.#isKeeping) return result;
    if (result !== undefined) return result.then(() => this.#noteWritten(stream, seq));
    this.#noteWritten(stream, seq);
    return undefined;
  }

  #noteWritten(stream: EventStream, seq: number): void {
    if (stream !== this.#stream) return;
    this.#writtenSeq = Math.max(this.#writtenSeq, seq);
    this.noteDrained(stream);
    this.#announceChange();
  }

  #announceChange(): void {
    if (this.#changeListeners.length === 0) return;
    for (const resolve of this.#changeListeners.splice(0)) resolve();
  }

  #leaveStream(): EventStream | undefined {
    const stream = this.#stream;
    if (stream !== undefined) this.noteDrained(stream);
    this.#stream = undefined;
    this.#pings.clear();
    this.#putSeq = 0;
    this.#writtenSeq = 0;
    clearTimeout(this.#orderTimer);
    this.#orderTimer = undefined;
    // Where messages are kept, the next stream gets these too.
    for (const queued of this.#queued.splice(0)) queued.settle(Promise.reject(noStream()));
    this.#announceChange();
    return stream;
  }

  #idOf(seq: number): string {
    return formatEventId(this.#sessionId, seq);
  }
}

function overflow(): McpSseError {
  return new McpSseError("session_closed", "Too much is waiting for a client that is away.");
}

/** What is sent while nobody listens who could hear it. */
export function noStream(): McpSseError {
  return new McpSseError("session_closed", "The session has no open event stream.");
}
