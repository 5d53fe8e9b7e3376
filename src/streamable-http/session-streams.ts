import { randomUUID } from "node:crypto";
import type { StreamEnd } from "../http/event-stream.js";
import type { KeptOptions } from "../options/resume-options.js";
import type { ChannelSession } from "../session/channel.js";
import { Deadline } from "../session/deadline.js";
import type { DeadlineListener } from "../session/deadline.js";
import type { JsonRpcId } from "../shared/json-rpc.js";
import type { ByteHolder } from "../session/write-result.js";
import { MessageStream } from "./message-stream.js";
import type { KeptStream, KeptStreams } from "./kept-streams.js";

const NONE: readonly MessageStream[] = [];

/** What a stream of a call takes in memory beside its messages, in bytes. */
const STREAM_BYTES = 768;

/** How long an answer that has left is on its way at most, as a rule, in milliseconds. */
const ARRIVAL_MS = 2_000;

/**
 * The streams of one session: that of its GETs, and one for each call that is not answered by plain
 * JSON. What is kept for clients that come back has one bound in all of them.
 */
export class SessionStreams implements ByteHolder, DeadlineListener {
  /**
   * What the ids of their events begin with: the session's, unless that is restored. A client that names
   * an event of before must not be taken for one that has heard those of now.
   */
  readonly id: string;
  /** The stream of GETs. */
  readonly standalone: MessageStream;
  readonly #session: ChannelSession;
  readonly #resume: KeptOptions | undefined;
  /** By their numbers, oldest first. */
  readonly #calls = new Map<number, MessageStream>();
  /** Those that were finished when it was last looked; most sessions never have one. */
  #finished: readonly MessageStream[] = NONE;
  readonly #sweep = new Deadline(this);
  /** Ids of calls that are watched, by the numbers of their streams. */
  #watched: Map<number, JsonRpcId> | undefined;
  #isSweepDue = false;
  #lastNumber = 0;
  #bytes = 0;
  #changeListeners: (() => void)[] = [];

  /** @param before those of another node, to go on with. Default: there were none. */
  constructor(
    session: ChannelSession,
    resume: KeptOptions | undefined,
    isRestored: boolean,
    before?: KeptStreams,
  ) {
    this.#session = session;
    this.id = isRestored ? randomUUID() : session.id;
    this.#resume = resume;
    this.standalone = this.#make(0, before?.standalone);
    if (before !== undefined) this.#goOn(before);
  }

  /** What another node needs to go on with them; `undefined` where nothing is kept for anybody. */
  get luggage(): KeptStreams | undefined {
    if (this.#resume === undefined) return undefined;
    return {
      lastNumber: this.#lastNumber,
      standalone: this.standalone.luggage,
      calls: [...this.#calls.values()].map((stream) => stream.luggage),
    };
  }

  /** A stream for a call. */
  open(): MessageStream {
    const stream = this.#make(++this.#lastNumber);
    this.#keep(stream);
    // It may be cancelled before anything was sent on it.
    this.check();
    return stream;
  }

  /** Its answer is what the client of a call comes back for: see `CallWatch`. */
  noteCall({ number, isKeeping }: MessageStream, id: JsonRpcId): Promise<void> | undefined {
    const { callWatch } = this.#session;
    if (callWatch === undefined || !isKeeping) return undefined;
    this.#watched ??= new Map();
    this.#watched.set(number, id);
    return callWatch.opened(id, number);
  }

  /** @returns `undefined` for one that there is not, or not any more. */
  find(number: number): MessageStream | undefined {
    return number === 0 ? this.standalone : this.#calls.get(number);
  }

  /** Whether an answer was written to no response. */
  get hasWaitingAnswer(): boolean {
    for (const stream of this.#calls.values()) if (stream.hasWaitingAnswer) return true;
    return false;
  }

  /** See `Channel.waitingSince`. */
  get waitingSince(): number | undefined {
    let oldest = this.standalone.waitingSince;
    for (const { waitingSince: since = Infinity } of this.#calls.values()) {
      if (since < (oldest ?? Infinity)) oldest = since;
    }
    return oldest;
  }

  /** Resolves when there is no such answer, or it is not kept any more. */
  async whenSettled(): Promise<void> {
    while (this.hasWaitingAnswer) {
      await new Promise<void>((resolve) => this.#changeListeners.push(resolve));
    }
  }

  /** The client has answered a request of the server. */
  settle(requestId: string | number): void {
    this.standalone.settle(requestId);
    for (const stream of this.#calls.values()) stream.settle(requestId);
  }

  /** Ends all of them; nothing is kept any more. */
  close(retryMs: number | undefined, cutAfterMs: number | undefined): void {
    this.#sweep.clear();
    this.standalone.close(retryMs, cutAfterMs);
    for (const stream of this.#calls.values()) {
      this.#forget(stream);
      stream.close(retryMs, cutAfterMs);
    }
  }

  /** So many bytes more are kept, or, with a negative number, less. */
  hold(bytes: number): void {
    this.#bytes += bytes;
    this.#session.bytes.hold(bytes);
  }

  /** Something was added, or has lost its reader. */
  check(): void {
    if (this.#resume === undefined) return;
    if (this.#bytes > this.#resume.maxBufferedBytes) this.#keepBound(this.#resume.maxBufferedBytes);
    if (this.#bytes > 0 || this.#calls.size > 0) this.#armSweep(this.#resume.graceMs);
  }

  /**
   * What had left, and the streams that were finished, when it was last looked are given up: a
   * client that wanted more of them would have come back by now.
   */
  deadlineReached(): void {
    this.#isSweepDue = false;
    for (const stream of this.#finished) this.#giveUp(stream);
    this.#finished = NONE;
    for (const stream of [this.standalone, ...this.#calls.values()]) {
      if (!stream.isFinished) stream.forgetOld();
      else if (!stream.isAttached) this.#finished = [...this.#finished, stream];
    }
    this.check();
  }

  #goOn({ lastNumber, calls }: KeptStreams): void {
    this.#lastNumber = lastNumber;
    // Without resumption nobody comes for any.
    if (this.#resume === undefined) return;
    for (const call of calls) this.#keep(this.#make(call.number, call));
    this.check();
  }

  #keep(stream: MessageStream): void {
    this.#calls.set(stream.number, stream);
    this.hold(STREAM_BYTES);
  }

  #armSweep(graceMs: number): void {
    if (this.#isSweepDue) return;
    this.#isSweepDue = true;
    this.#sweep.set(Date.now() + graceMs);
  }

  /**
   * Gives up what is most likely not missed until the bound is kept: streams whose answer was
   * written; then what has left this process; then what nobody has come for. The newest message of
   * a stream is kept whatever its size, and what waits for a reader that is there is the reader's.
   */
  #keepBound(maxBytes: number): void {
    const all = [...this.#calls.values()];
    const had = all.filter((stream) => stream.isFinished && !stream.hasWaitingAnswer);
    const isDone = (): boolean => this.#bytes <= maxBytes;
    for (const stream of had.slice(0, -1)) {
      if (isDone()) return;
      this.#giveUp(stream);
    }
    for (const stream of [this.standalone, ...all]) {
      if (isDone()) return;
      stream.forgetSent();
    }
    let isMissed = false;
    for (const stream of [this.standalone, ...all]) {
      while (!isDone() && !stream.isAttached && stream.forgetOldest()) isMissed = true;
    }
    for (const stream of all.slice(0, -1).filter(isForNobody)) {
      if (isDone()) break;
      isMissed ||= !had.includes(stream);
      this.#giveUp(stream);
    }
    if (isMissed) this.#session.noteLimit("maxBufferedBytes", "dropped");
  }

  #giveUp(stream: MessageStream): void {
    this.#forget(stream);
    stream.close();
  }

  #forget(stream: MessageStream): void {
    if (!this.#calls.delete(stream.number)) return;
    this.hold(-STREAM_BYTES);
    this.#noteOver(stream);
  }

  /** Nobody says that an answer has arrived. One that has left, and whose client does not come back, has. */
  #noteOverSoon(stream: MessageStream): void {
    if (!stream.isFinished || stream.hasWaitingAnswer) return;
    const look = (): void => {
      if (!stream.hasWaitingAnswer) this.#noteOver(stream);
    };
    setTimeout(look, ARRIVAL_MS).unref();
  }

  #noteOver({ number }: MessageStream): void {
    const id = this.#watched?.get(number);
    if (id === undefined) return;
    this.#watched?.delete(number);
    this.#session.callWatch?.over(id);
  }

  #make(number: number, before?: KeptStream): MessageStream {
    return new MessageStream({
      sessionId: this.id,
      number,
      retryMs: this.#resume?.retryMs,
      kept: this,
      queued: this.#session.bytes,
      lost: (stream, end) => this.#lost(stream, end),
      changed: (stream) => this.#noteChange(stream),
      before,
    });
  }

  #lost(stream: MessageStream, end: StreamEnd): void {
    if (end === "stalled" || end === "overrun") {
      this.#session.noteLimit(end === "stalled" ? "stallMs" : "maxQueuedBytes", "detached");
    }
    this.check();
    if (stream !== this.standalone && !stream.isKeeping) stream.close();
  }

  #noteChange(stream: MessageStream): void {
    if (stream.isFinished && !stream.isKeeping) this.#forget(stream);
    else if (this.#watched?.has(stream.number) === true) this.#noteOverSoon(stream);
    if (this.#changeListeners.length === 0) return;
    for (const resolve of this.#changeListeners.splice(0)) resolve();
  }
}

/** Whether what is kept waits for nobody. A call that goes on, and has said nothing, keeps nothing. */
function isForNobody(stream: MessageStream): boolean {
  return !stream.isAttached && (stream.isFinished || !stream.isEmpty);
}
