import type { IncomingHttpHeaders } from "node:http";
import type { ResumeOptions } from "../options/resume-options.js";
import type { Channel, ChannelLuggage, ChannelSession } from "../session/channel.js";
import { shouldReconnect, cutAfterEnd } from "../session/close-reason.js";
import type { CloseReason } from "../session/close-reason.js";
import { agreedVersion, clientInfoIn } from "../session/handshake.js";
import { isInitialize } from "../shared/json-rpc.js";
import { toMessageJson } from "../session/message-json.js";
import type { MessageJson } from "../session/message-json.js";
import { isCall } from "../shared/json-rpc.js";
import { sessionClosed } from "../session/session-end.js";
import type { ResumeMark } from "../session/resume-mark.js";
import type { WriteResult } from "../session/write-result.js";
import { McpSseError } from "../shared/errors.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import { Delivery, noStream } from "./delivery.js";
import { endpointPath, nthEndpoint } from "./endpoint-path.js";
import type { EventStream, StreamEnd, StreamOwner } from "../http/event-stream.js";
import { isOverdue, marksOf, namesVersion } from "./resume.js";
import type { ClientTraits } from "./resume.js";
import { lostAnswer } from "../http/lost-calls.js";
import type { MovedSession, OpenCall } from "../http/moved-session.js";
import { sseLuggage } from "./sse-luggage.js";
import type { KeptSse, SseLuggage, SseTraits } from "./sse-luggage.js";
import { StaleClient } from "./stale-client.js";

/** A stream that the client has asked for. */
export interface StreamOffer {
  /** Open already, if the client had to be asked something. */
  readonly stream: EventStream;
  /** Path that the client is to post to, without a session. */
  readonly endpoint: string;
  /** The cookie that is to tell whose stream it is. */
  cookieFor?(sessionId: string): string | undefined;
  /** By what it has shown, so far, that it is to go on with a session. Default: it names that. */
  markFor?(sessionId: string): ResumeMark;
}

export interface SseChannelOptions {
  /** How the session outlives its streams. Default: it does not. */
  readonly resume?: ResumeOptions | undefined;
  /** Name of the client process, if its user gave it one. */
  readonly instance?: string | undefined;
  /** Whether the client came back to a session that is gone. Default: false. */
  readonly isStale?: boolean;
  /** What the session was at another node. Default: it was at none. */
  readonly moved?: MovedSession | undefined;
}

/** What the end of its only stream means for a session. */
const REASON_OF_END: Readonly<Record<StreamEnd, CloseReason>> = {
  ended: "server-closed",
  disconnected: "client-disconnected",
  stalled: "reader-stalled",
  overrun: "reader-stalled",
};

/** How soon a client comes back to a stream that ends politely, in milliseconds. */
const RETRY_MS = 1_000;

/** What mcp-remote adds to the name of the client that it works for. Its cookies are its process's own. */
const MCP_REMOTE = / \(via mcp-remote [\w.+-]*\)$/;

/**
 * A session over HTTP+SSE: event streams that come and go, one at a time. What the client is not
 * known to have waits for the next; without {@link ResumeOptions} there is none, and the session
 * ends with its stream.
 */
export class SseChannel implements Channel, ChannelLuggage, StreamOwner, ClientTraits {
  readonly transport = "sse";
  readonly era = "2024";
  /** A client without a stream is away. */
  readonly leftAt = undefined;
  readonly hasListened = true;
  protocolVersion: string | undefined;
  readonly instance: string | undefined;
  keepsOwnCookies = false;
  namesVersion: boolean | undefined;

  readonly #session: ChannelSession;
  readonly #resume: ResumeOptions | undefined;
  readonly #delivery: Delivery;
  /** `undefined` for a client that knows which session it has. */
  #stale: StaleClient | undefined;
  /** The stream that the session is opened for, until it is. */
  #first: StreamOffer | undefined;
  /** The calls that were lost with the session's node, until their client is told so. */
  #lost: readonly OpenCall[] = [];
  /** The call that begins the session, until it is answered. */
  #opening: JsonRpcId | undefined;
  #isOpen = false;
  #attachments = 0;
  #hasSpoken = false;
  #lastStream: EventStream | undefined;

  constructor(
    session: ChannelSession,
    first: StreamOffer | undefined,
    { resume, instance, isStale = false, moved }: SseChannelOptions = {},
  ) {
    this.#session = session;
    this.#first = first;
    this.#resume = resume;
    const before = moved && sseLuggage(moved);
    this.instance = before?.instance ?? instance;
    this.#delivery = new Delivery(session.id, resume, session.bytes, before?.outbox, session);
    if (before !== undefined) this.#goOn(before);
    if ((before?.isStale ?? isStale) && resume !== undefined) {
      this.#stale = new StaleClient(resume, (frame) => this.#writeOnce(frame));
    }
  }

  get state(): Channel["state"] {
    if (!this.#isOpen) return "opening";
    return this.#delivery.isAttached ? "open" : "detached";
  }

  get luggage(): ChannelLuggage | undefined {
    return this.isResumable ? this : undefined;
  }

  get traits(): SseTraits {
    const { instance, keepsOwnCookies, namesVersion } = this;
    return { instance, keepsOwnCookies, namesVersion, isStale: this.#stale !== undefined };
  }

  /** The client hears of it on its stream, wherever that is. */
  callAtClient(id: JsonRpcId): OpenCall {
    return { id, place: undefined };
  }

  marks(opening: IncomingHttpHeaders): readonly string[] {
    return marksOf(opening, this);
  }

  handOver(): KeptSse {
    return { attachments: this.#attachments, outbox: this.#delivery.kept };
  }

  /** Whether a later stream can go on where one was cut. */
  get isResumable(): boolean {
    return this.#resume !== undefined;
  }

  get bytes(): ChannelSession["bytes"] {
    return this.#session.bytes;
  }

  get waitingSince(): number | undefined {
    return this.#delivery.waitingSince;
  }

  get hasWaitingAnswer(): boolean {
    return this.#delivery.hasWaitingAnswer;
  }

  /** Whether everything is kept that the client is not known to have. */
  get isWhole(): boolean {
    return !this.#delivery.hasGap;
  }

  open(): void {
    const first = this.#first;
    this.#first = undefined;
    for (const { id } of this.#lost) {
      const answer = lostAnswer(id);
      this.send(answer, toMessageJson(answer))?.catch(() => undefined);
    }
    this.#lost = [];
    if (first !== undefined) {
      this.attach(first);
      return;
    }
    // Its client's stream is over, or on its way.
    this.#session.awaitClient(this.#resume?.graceMs ?? 0);
    this.#isOpen = true;
  }

  /**
   * Lets the session be heard on another stream. The newest stream wins: an earlier one may be
   * half-open, with nobody at its other end.
   */
  attach(offer: StreamOffer): void {
    if (this.#session.closeReason !== undefined) throw sessionClosed();
    this.#delivery.admitStream(this.#resume?.retryMs);
    const { stream } = offer;
    const { id } = this.#session;
    const mark = this.#isOpen ? (offer.markFor?.(id) ?? "session-id") : undefined;
    const path = endpointPath(offer.endpoint, id);
    stream.owner = this;
    stream.cork(() => {
      // It cannot be opened where somebody else has answered: then nothing has changed.
      if (!stream.isOpen) stream.open(this.isResumable ? offer.cookieFor?.(id) : undefined);
      this.#isOpen = true;
      this.#session.clientArrived();
      this.#lastStream = stream;
      const nthPath = nthEndpoint(path, this.#attachments++);
      this.#delivery.attach(stream, nthPath, this.#resume?.retryMs);
    });
    if (mark !== undefined) this.#session.clientResumed(mark);
    this.#stale?.attached();
    // It may have left while it was being let in; then no event tells of it any more.
    if (!stream.isOpen) this.streamEnded(stream, "disconnected");
  }

  /** The client has everything up to `seq`. @returns whether all the rest can still be sent. */
  acknowledge(seq: number): boolean {
    return this.#delivery.acknowledge(seq);
  }

  /** Notes with what header the client posts a message. */
  notePost(message: JsonRpcMessage, headers: IncomingHttpHeaders): void {
    // With its first message it has not negotiated a version yet.
    if (this.namesVersion !== undefined || this.#session.handshake.isUninitialized) return;
    if (!("method" in message)) return;
    this.namesVersion = namesVersion(headers);
    this.#session.noteChange();
  }

  intercept(message: JsonRpcMessage): boolean {
    if (this.#stale !== undefined && !isInitialize(message)) throw this.#endStale(this.#stale);
    if (this.#delivery.takeAnswer(message)) return true;
    if (isCall(message) && isOverdue(this.#session.graceEndsAt, this.#resume)) {
      throw noStream();
    }
    return false;
  }

  noteReceived(message: JsonRpcMessage): void {
    this.#stale?.settled();
    this.#stale = undefined;
    if (!this.#hasSpoken) this.#noteFirst(message);
    if (this.#session.handshake.isInitialized) this.#delivery.noteInitialized(message);
    this.#delivery.progress.noteReceived(message);
  }

  toClient(message: JsonRpcMessage): JsonRpcMessage {
    return message;
  }

  send(message: JsonRpcMessage, json: MessageJson): WriteResult {
    if (this.#opening !== undefined && !("method" in message) && message.id === this.#opening) {
      this.#opening = undefined;
      this.protocolVersion = agreedVersion(message);
    }
    const result = this.#delivery.send(message, json);
    result?.catch(() => {
      if (this.#delivery.isOverfull) this.#endOverfull();
    });
    return result;
  }

  whenSettled(): Promise<void> {
    return this.#delivery.whenSettled();
  }

  /** The stream ends; the session waits for its owner to come back with a new credential. */
  suspend(): boolean {
    if (!this.#canReturn) return false;
    // While the client is away, its time to come back runs already.
    if (this.state !== "detached") this.#waitForClient()?.end(this.#resume?.retryMs);
    return true;
  }

  end(reason: CloseReason, discards: boolean): void {
    this.#stale?.settled();
    const stream = this.#delivery.stop();
    const retryMs = shouldReconnect(reason) ? (this.#resume?.retryMs ?? RETRY_MS) : undefined;
    stream?.end(retryMs, discards ? 0 : cutAfterEnd(reason));
  }

  async whenGone(): Promise<void> {
    await this.#lastStream?.whenGone();
  }

  /** A stream that was replaced ends without consequences. */
  streamEnded(stream: EventStream, end: StreamEnd): void {
    if (!this.#delivery.isAttachedTo(stream)) return;
    const isOver = !this.#canReturn;
    if (end === "stalled" || end === "overrun") {
      const limit = end === "stalled" ? "stallMs" : "maxQueuedBytes";
      this.#session.noteLimit(limit, isOver ? "ended" : "detached");
    }
    if (isOver) this.#session.end(REASON_OF_END[end]);
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

  /** A client that has sent nothing has nothing to come back to. */
  get #canReturn(): boolean {
    return this.isResumable && !this.#session.handshake.isUninitialized;
  }

  /** Goes on as the channel of another node did. */
  #goOn(before: SseLuggage): void {
    this.keepsOwnCookies = before.keepsOwnCookies;
    this.namesVersion = before.namesVersion;
    this.#attachments = before.attachments;
    this.#lost = before.lost;
    if (before.isInitialized) this.#delivery.expectAnswers();
  }

  #waitForClient(): EventStream | undefined {
    const stream = this.#delivery.detach();
    this.#session.awaitClient(this.#resume?.graceMs ?? 0);
    // What was on its way to a slow reader may be more than is kept for one that is away.
    if (this.#delivery.isOverfull) this.#endOverfull();
    return stream;
  }

  #endOverfull(): void {
    if (this.#session.closeReason === undefined) {
      this.#session.noteLimit("maxBufferedBytes", "ended");
    }
    this.#session.end("buffer-overflow");
  }

  /** Ends the session of a client that goes on as if its old one were still there. */
  #endStale(client: StaleClient): McpSseError {
    client.close();
    this.#session.end("client-lost");
    return new McpSseError("session_not_found", "The session is gone: begin a new one.");
  }

  /** Writes what belongs to the stream that there is now, if there is one. */
  #writeOnce(frame: string): void {
    this.#delivery.write(frame)?.catch(() => undefined);
  }

  #noteFirst(message: JsonRpcMessage): void {
    this.#hasSpoken = true;
    if (isCall(message) && isInitialize(message)) this.#opening = message.id;
    const { name } = clientInfoIn(message);
    this.keepsOwnCookies = typeof name === "string" && MCP_REMOTE.test(name);
  }
}
