import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import type { UpstreamToken } from "../shared/upstream-token.js";
import type { ClientInfo } from "./client-info.js";
import type { CallWatch } from "./call-watch.js";
import type { Channel, ChannelSession } from "./channel.js";
import { REASON_OF_TIME_LIMIT } from "./close-reason.js";
import type { CloseReason } from "./close-reason.js";
import { Handshake } from "./handshake.js";
import type { HeldCall } from "./held-call.js";
import { NO_LIMITS } from "./limits.js";
import type { ChannelLimit, ChannelOutcome, SessionUse } from "./limits.js";
import { Outgoing } from "./outgoing.js";
import { PendingCalls } from "./pending-calls.js";
import { isCall } from "../shared/json-rpc.js";
import { SessionBytes } from "./session-bytes.js";
import { sessionClosed, SessionEnd } from "./session-end.js";
import type { SessionAdmission, SessionInfo } from "./session-info.js";
import type { Hearing, Passage } from "../policy/passage.js";
import type { ScopeCheck } from "../policy/scope-check.js";
import type { PrincipalListener, SessionEra } from "./session-info.js";
import type { SessionInit } from "./session-init.js";
import type { ResumeMark } from "./resume-mark.js";
import type { SessionObserver } from "./session-observer.js";
import type { SessionState, SessionWire } from "./session-info.js";
import { SessionFacts } from "./session-facts.js";
import { SessionOwner } from "./session-owner.js";
import { SessionTimers } from "./session-timers.js";
import type { SessionTimeout } from "./session-timers.js";

type Listener<E> = (message: JsonRpcMessage, extra: E) => void;

/**
 * One client's conversation: whose it is, what is still to be answered, how long it may last, and
 * how it ended. How its client is reached, it leaves to its channel.
 *
 * `E` is what accompanies a received message, `C` the transport's kind of channel.
 */
export class Session<P = unknown, E = unknown, C extends Channel = Channel>
  extends SessionFacts<P>
  implements SessionInfo<P>, SessionUse, ChannelSession
{
  /** Receives every message of the client; set by the transport. */
  onmessage: Listener<E> | undefined;
  /** Asked by whoever hands it a message; set by the transport, where its server has a say. */
  scopeCheck: ScopeCheck<E> | undefined;
  readonly bytes = new SessionBytes();
  readonly handshake = new Handshake();
  /** When its id was sealed, in milliseconds since the epoch; set by a transport that can restore it. */
  sealedAt: number | undefined;
  /** Says what its client may hear; set by whoever opens it, where there is a policy. */
  hearing: Hearing | undefined;
  /** Set by whoever makes it known to other nodes. */
  callWatch: CallWatch | undefined;
  /** Set by whoever counts sessions. */
  admission: SessionAdmission<this> | undefined;
  /** Set by the same. */
  observer: SessionObserver<this, P, E> | undefined;
  readonly channel: C;

  readonly #calls = new PendingCalls();
  readonly #outgoing = new Outgoing(this, this.#calls);
  readonly #timers: SessionTimers;
  readonly #end = new SessionEnd();
  readonly #owner: SessionOwner<P>;
  #activeAt = Date.now();

  /** @param openChannel makes the transport's channel, which must not use the session yet. */
  constructor(init: SessionInit<P>, openChannel: (session: ChannelSession) => C) {
    super(init);
    this.#owner = new SessionOwner(init);
    this.#timers = new SessionTimers(this, init.limits ?? NO_LIMITS, (timeout) =>
      this.#onTimeout(timeout),
    );
    this.channel = openChannel(this);
    this.#timers.start(init.validUntil);
  }

  /** Decides, with all else in `continuation.ts`, who may go on with the session. */
  get ownerKey(): string {
    return this.#owner.key;
  }

  get principal(): P {
    return this.#owner.principal;
  }

  get transport(): SessionWire {
    return this.channel.transport;
  }

  get era(): SessionEra {
    return this.channel.era;
  }

  get protocolVersion(): string | undefined {
    return this.channel.protocolVersion;
  }

  get state(): SessionState {
    return this.#end.reason === undefined ? this.channel.state : "closed";
  }

  /** Why it has ended, if it has. */
  get closeReason(): CloseReason | undefined {
    return this.#end.reason;
  }

  get isDetached(): boolean {
    return this.state === "detached";
  }

  get isUninitialized(): boolean {
    return this.handshake.isUninitialized;
  }

  get hasBegun(): boolean {
    return !this.isUninitialized;
  }

  get isBusy(): boolean {
    return this.#calls.load > 0;
  }

  get hasWaitingAnswer(): boolean {
    return this.channel.hasWaitingAnswer;
  }

  get waitingBytes(): number {
    return this.bytes.outgoing;
  }

  get waitingSince(): number | undefined {
    return this.channel.waitingSince;
  }

  get leftAt(): number | undefined {
    return this.channel.leftAt;
  }

  get hasListened(): boolean {
    return this.channel.hasListened;
  }

  get graceEndsAt(): number | undefined {
    return this.#timers.graceEndsAt;
  }

  get activeAt(): number {
    return this.#activeAt;
  }

  get client(): ClientInfo | undefined {
    return this.handshake.client;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** How many requests have no answer yet, those included that share an id. */
  get callLoad(): number {
    return this.#calls.load;
  }

  /** The ids of the requests that have no answer, as the server knows them. */
  get openCalls(): readonly JsonRpcId[] {
    return this.#calls.ids;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Keeps the most recent credential's principal, which permits no less than the one before. */
  renew(principal: P, validUntil?: number): void {
    if (this.#end.reason !== undefined) return;
    this.#owner.renew(principal, validUntil, (error) => this.admission?.noteListenerError(error));
    // Also for a credential that has ended and was let in all the same: its connection ends again.
    this.#timers.setCredentialEnd(this.#owner.validUntil);
  }

  onPrincipalChanged(listener: PrincipalListener<P>): void {
    this.#owner.onChanged(listener);
  }

  /**
   * Sends a message, or keeps it while the client is away.
   *
   * @param related the call in whose course it is sent.
   * @returns a promise that resolves when the socket, or its bounded queue, took the message, or
   * it is kept; it rejects with a {@link NotJsonError} for what is no JSON.
   */
  send(message: unknown, related?: JsonRpcId): Promise<void> {
    if (this.#end.reason !== undefined) return Promise.reject(sessionClosed());
    this.#activeAt = Date.now();
    const own = message as JsonRpcMessage;
    const known = this.observer?.watchesMessages === true ? this.observer.send(this, own) : own;
    return this.#outgoing.send(known, related);
  }

  /**
   * Hands a message of the client to the server.
   *
   * @param held the bytes of a request, if they are.
   * @param passage what a policy says of it. Default: the server may have it, and its client the answer.
   */
  receive(message: JsonRpcMessage, extra: E, held?: HeldCall, passage?: Passage): void {
    const { state } = this;
    if (state === "closed" || state === "opening" || !this.onmessage) throw sessionClosed();
    if (this.channel.intercept(message) || this.#calls.mustBeAnswered(message)) return;
    const isFirst = this.isUninitialized;
    if (isFirst) this.admission?.admitInitialization(this);
    if (isCall(message)) this.admission?.admitCall(this);
    const call = held ?? this.bytes.takeCall(message);
    this.#noteReceived(message, call, passage);
    try {
      this.#handOver(message, extra, call, passage);
    } catch (error) {
      // Whoever did not take a call will not answer it.
      if (call !== undefined) this.#calls.drop(call);
      throw error;
    }
    // Who hears of it may end the session.
    if (isFirst) this.admission?.noteBegun(this);
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
    await this.channel.whenSettled();
  }

  /** Resolves when all that was said to the client, after the end, has left this process. */
  whenGone(): Promise<void> {
    return this.channel.whenGone();
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

  /** Ends the session. Only the first reason counts. @param discards see {@link Channel.end}. */
  end(reason: CloseReason, discards = false): void {
    if (!this.#end.decide(reason)) return;
    this.#timers.stop();
    this.channel.end(reason, discards);
    this.#end.inContext(() => {
      this.#end.abort();
      // In 2026-07-28 a client takes its call back by leaving.
      const isTakenBack = this.era === "2026" && reason === "client-disconnected";
      this.#calls.clear(isTakenBack ? "cancelled" : "lost");
      this.admission?.noteEnd(this);
      this.#end.announce(reason);
    });
  }

  awaitClient(graceMs: number): void {
    this.#timers.setGraceEnd(Date.now() + graceMs);
    // Not one that goes on from another node, and has not been here yet.
    if (this.channel.state === "detached") this.observer?.detached(this);
  }

  clientResumed(mark: ResumeMark): void {
    this.observer?.resumed(this, mark);
  }

  clientArrived(): void {
    this.#timers.setGraceEnd(undefined);
  }

  noteLimit(limit: ChannelLimit, outcome: ChannelOutcome): void {
    this.admission?.noteLimit(this, limit, outcome);
  }

  /** Something of the application's is wrong. @param fault in words for the log, without content. */
  noteFault(fault: string): void {
    this.admission?.noteFault(this, fault);
  }

  #noteReceived(message: JsonRpcMessage, call: HeldCall | undefined, passage?: Passage): void {
    this.#activeAt = Date.now();
    if (this.handshake.note(message)) this.#timers.check();
    const filter = passage?.to === "server" ? passage.filter : this.hearing?.filterOf(message);
    this.#calls.noteReceived(message, call, filter);
    this.channel.noteReceived(message);
  }

  /** To the server, or, where that is not to hear of it, the answer to the client. */
  #handOver(message: JsonRpcMessage, extra: E, call?: HeldCall, passage?: Passage): void {
    const { observer } = this;
    const watcher = observer?.watchesMessages === true ? observer : undefined;
    if (passage?.to === "nobody") {
      watcher?.denied({ session: this, message, extra, call });
      this.#outgoing.answer(message, passage.answer);
      return;
    }
    const forServer = this.journey === undefined ? message : this.journey.toServer(message);
    if (forServer === undefined) return;
    if (watcher === undefined) this.onmessage?.(forServer, extra);
    else watcher.receive({ session: this, message, extra, call }, handing(this, forServer, extra));
  }

  #onTimeout(timeout: SessionTimeout): void {
    if (timeout === "credential") {
      if (!this.channel.suspend()) this.end("credential-expired");
    } else if (timeout === "grace") this.end("grace-expired");
    else {
      this.admission?.noteLimit(this, timeout, "ended");
      this.end(REASON_OF_TIME_LIMIT[timeout]);
    }
  }
}

/** Not made where a message is handed over: nobody watches most of them. */
function handing<E>(
  session: { readonly onmessage: Listener<E> | undefined },
  message: JsonRpcMessage,
  extra: E,
): () => void {
  return () => session.onmessage?.(message, extra);
}
