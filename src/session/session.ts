import { McpSseError } from "../shared/errors.js";
import type { UpstreamToken } from "../shared/upstream-token.js";
import { TAKEN } from "../sse/event-stream.js";
import type { EventStream, StreamOwner } from "../sse/event-stream.js";
import type { StreamEnd } from "./channel.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { Handshake } from "../sse/handshake.js";
import { cutAfterEnd, REASON_OF_END, REASON_OF_TIME_LIMIT, retryAfterEnd } from "./close-reason.js";
import type { CloseReason } from "./close-reason.js";
import { Delivery, OVERFLOW } from "../sse/delivery.js";
import type { ResumeOptions } from "../sse/resume-options.js";
import { NO_LIMITS } from "./limits.js";
import type { SessionUse } from "./limits.js";
import { NotJsonError } from "./message-json.js";
import { isOverdue, nthEndpoint } from "../sse/resume.js";
import type { HeldCall } from "./held-call.js";
import { PendingCalls } from "./pending-calls.js";
import { isCall, SessionBytes } from "./session-bytes.js";
import { SessionTimers } from "./session-clock.js";
import type { SessionTimeout } from "./session-clock.js";
import { sessionClosed, SessionEnd } from "./session-end.js";
import { SessionFacts } from "./session-facts.js";
import type {
  ClientInfo,
  ScopeCheck,
  SessionAdmission,
  SessionInfo,
  PrincipalListener,
  SessionInit,
  SessionState,
} from "./session-info.js";
import { SessionOwner } from "./session-owner.js";

export type { CloseReason } from "./close-reason.js";
export type { SessionAdmission, SessionInfo, SessionInit, SessionState } from "./session-info.js";

type Listener<E> = (message: JsonRpcMessage, extra: E) => void;

/**
 * One client's conversation: whose it is, how it is heard, what is still to be answered, and how
 * it ended. `E` is what accompanies a received message.
 */
export class Session<P = unknown, E = unknown>
  extends SessionFacts<P>
  implements SessionInfo<P>, SessionUse, StreamOwner
{
  /** Receives every message of the client; set by the transport. */
  onmessage: Listener<E> | undefined;
  /** Asked before a message is received, if the transport's server has a say in it. */
  scopeCheck: ScopeCheck<E> | undefined;
  readonly bytes = new SessionBytes();
  /** Set by whoever counts sessions. */
  gate: SessionAdmission<this> | undefined;

  readonly #resume: ResumeOptions | undefined;
  readonly #delivery: Delivery;
  readonly #calls = new PendingCalls();
  readonly #clock: SessionTimers;
  readonly #end = new SessionEnd();
  readonly #owner: SessionOwner<P>;
  readonly beginning = new Handshake();
  #attachments = 0;
  #activeAt = this.openedAt;
  #lastStream: EventStream | undefined;

  constructor(init: SessionInit<P>) {
    super(init);
    const { validUntil, resume } = init;
    this.#owner = new SessionOwner(init);
    this.#resume = resume;
    if (init.isLost === true && resume !== undefined) {
      this.beginning.expectLost(resume, (frame) => this.#write(frame));
    }
    this.#delivery = new Delivery(this.id, resume, this.bytes);
    this.#clock = new SessionTimers(this, init.limits ?? NO_LIMITS, (moment) =>
      this.#reached(moment),
    );
    this.#clock.start(validUntil);
  }

  /** Decides, with all else in `continuation.ts`, who may go on with the session. */
  get ownerKey(): string {
    return this.#owner.key;
  }

  get principal(): P {
    return this.#owner.principal;
  }

  get state(): SessionState {
    if (this.#end.reason !== undefined) return "closed";
    if (this.#attachments === 0) return "opening";
    return this.#delivery.isAttached ? "open" : "detached";
  }

  /** Why it has ended, if it has. */
  get closeReason(): CloseReason | undefined {
    return this.#end.reason;
  }

  get isDetached(): boolean {
    return this.state === "detached";
  }

  /** Whether the client has begun its conversation. */
  get isBegun(): boolean {
    return !this.beginning.isNew;
  }

  get isBusy(): boolean {
    return this.#calls.load > 0;
  }

  get hasWaitingAnswer(): boolean {
    return this.#delivery.hasWaitingAnswer;
  }

  get graceEndsAt(): number | undefined {
    return this.#clock.graceEndsAt;
  }

  get activeAt(): number {
    return this.#activeAt;
  }

  get client(): ClientInfo | undefined {
    return this.beginning.client;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** How many requests have no answer yet, those included that share an id. */
  get callLoad(): number {
    return this.#calls.load;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /**
   * Lets the session be heard on `stream`. The newest stream wins: an earlier one may be
   * half-open, with nobody at its other end.
   *
   * @param endpoint path that the client is to post to; a later stream adds a changing parameter
   * to it, for clients that wait until it changes.
   */
  attach(stream: EventStream, endpoint: string): void {
    if (this.#end.reason !== undefined) throw sessionClosed();
    this.#delivery.admitStream(this.#resume?.retryMs);
    stream.owner = this;
    stream.together(() => {
      // It cannot be opened where somebody else has answered: then nothing has changed.
      if (!stream.isOpen) stream.open();
      this.#clock.setGraceEnd(undefined);
      this.#lastStream = stream;
      const path = nthEndpoint(endpoint, this.#attachments++);
      this.#delivery.attach(stream, path, this.#resume?.retryMs);
    });
    this.beginning.attached();
    // It may have left while it was being let in; then no event tells of it any more.
    if (!stream.isOpen) this.streamEnded(stream, "disconnected");
  }

  /** Whether everything is kept that the client is not known to have. */
  get isWhole(): boolean {
    return !this.#delivery.hasGap;
  }

  /** The client has everything up to `seq`. @returns whether all the rest can still be sent. */
  acknowledge(seq: number): boolean {
    return this.#delivery.acknowledge(seq);
  }

  /** Keeps the most recent credential's principal, which permits no less than the one before. */
  renew(principal: P, validUntil?: number): void {
    if (this.#end.reason !== undefined) return;
    this.#owner.renew(principal, validUntil, (error) => this.gate?.noteListenerError(error));
    // Also for a credential that has ended and was let in all the same: its stream ends again.
    this.#clock.setCredentialEnd(this.#owner.validUntil);
  }

  onPrincipalChanged(listener: PrincipalListener<P>): void {
    this.#owner.onChanged(listener);
  }

  /**
   * Sends a message, or keeps it while the client is away.
   *
   * @returns a promise that resolves when the socket, or its bounded queue, took the message, or
   * it is kept.
   */
  send(message: unknown): Promise<void> {
    if (this.#end.reason !== undefined) return Promise.reject(sessionClosed());
    this.#activeAt = Date.now();
    const taking = this.#delivery.send(message as JsonRpcMessage);
    this.#calls.noteSent(message as JsonRpcMessage, taking, this.#delivery.lastWeight);
    this.bytes.account.keepBound();
    if (taking === undefined) return TAKEN;
    taking.catch((error: unknown) => {
      if ((error as { cause?: unknown }).cause === OVERFLOW) this.#endOverfull();
      if (error instanceof NotJsonError) {
        this.gate?.noteFault(this, `${error.what} cannot be written as JSON`);
      }
    });
    return taking;
  }

  /** Hands a message of the client to the server. @param held the bytes of a request, if they are. */
  receive(message: JsonRpcMessage, extra: E, held?: HeldCall): void {
    const { state } = this;
    if (state === "closed" || state === "opening" || !this.onmessage) throw sessionClosed();
    if (!this.beginning.allows(message)) throw this.#closeLostClient();
    if (this.#delivery.takeAnswer(message)) return;
    if (isCall(message) && isOverdue(this.graceEndsAt, this.#resume)) throw sessionClosed();
    if (!this.isBegun) this.gate?.admitBeginning(this);
    if (isCall(message)) this.gate?.admitCall(this);
    this.#activeAt = Date.now();
    this.#noteBeginning(message);
    const call = held ?? this.bytes.takeCall(message);
    this.#calls.noteReceived(message, call);
    this.#delivery.progress.noteReceived(message);
    try {
      this.onmessage(message, extra);
    } catch (error) {
      // Whoever did not take a call will not answer it.
      if (call !== undefined) this.#calls.drop(call);
      throw error;
    }
  }

  /** Resolves when nothing is left to answer, or nobody is left to answer to. */
  whenIdle(): Promise<void> {
    return this.#calls.whenIdle();
  }

  /**
   * Resolves when nothing is left to answer and the answers are on their way: the client may have
   * to come back for them.
   */
  async whenSettled(): Promise<void> {
    await this.whenIdle();
    while (this.#end.reason === undefined && this.#delivery.hasWaitingAnswer) {
      await this.#delivery.whenChanged();
    }
  }

  /** Resolves when the last stream, which has ended, has left this process. */
  async whenGone(): Promise<void> {
    await this.#lastStream?.whenGone();
  }

  /** Calls `listener` once the session has ended; at once if it has. */
  onClosed(listener: (reason: CloseReason) => void): void {
    this.#end.on(listener);
  }

  async upstream(): Promise<UpstreamToken> {
    return await this.#owner.upstream();
  }

  close(): void {
    this.end("closed-by-application");
  }

  /** Ends the session. Only the first reason counts. @param cutAfterMs see {@link EventStream.end}. */
  end(reason: CloseReason, cutAfterMs = cutAfterEnd(reason)): void {
    if (!this.#end.decide(reason)) return;
    this.#clock.stop();
    this.beginning.end();
    this.#delivery.stop()?.end(retryAfterEnd(reason, this.#resume?.retryMs), cutAfterMs);
    this.#end.inContext(() => {
      this.#end.abort();
      this.#calls.clear();
      this.gate?.noteEnd(this);
      this.#end.announce(reason);
    });
  }

  /** A stream that was replaced ends without consequences. */
  streamEnded(stream: EventStream, end: StreamEnd): void {
    if (!this.#delivery.isAttachedTo(stream)) return;
    // A client that never began its conversation has nothing to come back to.
    const isOver = this.#resume === undefined || this.beginning.isNew;
    if (end === "stalled" || end === "overrun") {
      const limit = end === "stalled" ? "stallMs" : "maxQueuedBytes";
      this.gate?.noteLimit(this, limit, isOver ? "ended" : "detached");
    }
    if (isOver) this.end(REASON_OF_END[end]);
    else this.#waitForClient();
  }

  /** A reader that is never faster than its messages come leaves no other moment. */
  streamDrained(stream: EventStream): void {
    this.#delivery.noteDrained(stream);
  }

  /** What the client has is asked for in a silence: a ping keeps the stream alive as well. */
  streamIsSilent(): boolean {
    return this.#delivery.writePing();
  }

  #waitForClient(): EventStream | undefined {
    this.#clock.setGraceEnd(Date.now() + (this.#resume?.graceMs ?? 0));
    const stream = this.#delivery.detach();
    // What was on its way to a slow reader may be more than is kept for one that is away.
    if (this.#delivery.isOverfull) this.#endOverfull();
    return stream;
  }

  #endOverfull(): void {
    if (this.#end.reason === undefined) this.gate?.noteLimit(this, "maxBufferedBytes", "ended");
    this.end("buffer-overflow");
  }

  #reached(moment: SessionTimeout): void {
    if (moment === "credential") this.#expire();
    else if (moment === "grace") this.end("grace-expired");
    else {
      this.gate?.noteLimit(this, moment, "ended");
      this.end(REASON_OF_TIME_LIMIT[moment]);
    }
  }

  /** The stream ends; the session waits for its owner to come back with a new credential. */
  #expire(): void {
    if (this.#resume === undefined || this.beginning.isNew) this.end("credential-expired");
    // While the client is away, its time to come back runs already.
    else if (!this.isDetached) this.#waitForClient()?.end(this.#resume.retryMs);
  }

  #noteBeginning(message: JsonRpcMessage): void {
    if (!this.beginning.note(message)) return;
    if (this.beginning.isInitialized) this.#delivery.noteInitialized(message);
    this.#clock.check();
  }

  /** Writes what belongs to the stream that there is now, if there is one. */
  #write(frame: string): void {
    this.#delivery.write(frame)?.catch(() => undefined);
  }

  /** Ends the session of a client that goes on as if its old one were still there. */
  #closeLostClient(): McpSseError {
    this.beginning.closeLost();
    this.end("client-lost");
    return new McpSseError("session_not_found", "The session is gone: begin a new one.");
  }
}
