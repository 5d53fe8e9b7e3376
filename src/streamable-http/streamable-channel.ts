import type { ServerResponse } from "node:http";
import type { MovedSession, OpenCall } from "../http/moved-session.js";
import type { MessageMetadata } from "../http/outbox.js";
import { onResponseEnd, whenFinished } from "../http/response-end.js";
import type { KeptOptions } from "../options/resume-options.js";
import type { Channel, ChannelLuggage, ChannelSession } from "../session/channel.js";
import { cutAfterEnd, goesOnElsewhere, shouldReconnect } from "../session/close-reason.js";
import type { CloseReason } from "../session/close-reason.js";
import { isCall, isInitialize } from "../shared/json-rpc.js";
import type { MessageJson } from "../session/message-json.js";
import { mayHaveBeenDone, sessionClosed, shuttingDown } from "../session/session-end.js";
import { agreedVersion } from "../session/handshake.js";
import type { WriteResult } from "../session/write-result.js";
import { McpSseError } from "../shared/errors.js";
import type {
  JsonRpcId,
  JsonRpcMessage,
  JsonRpcRequest,
  JsonRpcResponse,
} from "../shared/json-rpc.js";
import { CallIds } from "./call-ids.js";
import { CallReply } from "./call-reply.js";
import type { CallReplyInit } from "./call-reply.js";
import { resumeMark } from "./event-position.js";
import type { ListenOffer } from "./listen-offer.js";
import { PatientReplies } from "./patient-replies.js";
import { SessionStreams } from "./session-streams.js";
import { streamsOf } from "./streamable-luggage.js";
import type { KeptStreams } from "./kept-streams.js";

export interface StreamableChannelOptions {
  /** How long what was sent is kept for a client that was cut off. Default: nothing is. */
  readonly resume: KeptOptions | undefined;
  /** Milliseconds after which a call without an answer is answered by a stream; 0 for at once. */
  readonly sseAfterMs: number;
  /** Whether the client may come back to streams of which nothing is known any more. */
  readonly isRestored: boolean;
  /** What the session was at another node. Default: it was at none. */
  readonly moved?: MovedSession | undefined;
}

/**
 * How many GETs stay open beside the newest, on which everything is sent. Clients of the SDK open a
 * second one when they forget which stream a call has, and open each that ends again: ended for
 * each other, they would take turns for ever.
 */
const MAX_SILENT = 15;

/** How soon a client comes back to a stream that ends politely, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * A session over Streamable HTTP with a handshake: each call is answered by the response to its POST,
 * and what belongs to no call goes on the stream of a GET, for clients that listen to one.
 */
export class StreamableChannel implements Channel, ChannelLuggage {
  readonly transport = "streamable";
  readonly era = "2025";
  /** By what the client names the session, where that is more than its id. */
  name: string | undefined;
  protocolVersion: string | undefined;
  readonly #session: ChannelSession;
  readonly #options: StreamableChannelOptions;
  readonly #streams: SessionStreams;
  readonly #ids = new CallIds();
  /** Of the calls that have no answer, by the server's ids, oldest first. */
  readonly #replies = new Map<JsonRpcId, CallReply>();
  readonly #patient: PatientReplies;
  /** Responses that have not ended. */
  readonly #connections = new Set<ServerResponse>();
  #isOpen = false;
  #isSuspended = false;
  #leftAt = Date.now();
  /** The call that begins the session, until it is answered. */
  #opening: JsonRpcId | undefined;

  constructor(session: ChannelSession, options: StreamableChannelOptions) {
    this.#session = session;
    this.#options = options;
    this.#streams = new SessionStreams(
      session,
      options.resume,
      options.isRestored,
      options.moved && streamsOf(options.moved),
    );
    this.#patient = new PatientReplies(options.sseAfterMs, this.#replies);
  }

  get state(): Channel["state"] {
    return this.#isOpen ? "open" : "opening";
  }

  get leftAt(): number | undefined {
    return this.#connections.size === 0 ? this.#leftAt : undefined;
  }

  get hasListened(): boolean {
    return this.#streams.standalone.hasBeenHeard;
  }

  get waitingSince(): number | undefined {
    return this.#streams.waitingSince;
  }

  get hasWaitingAnswer(): boolean {
    return this.#streams.hasWaitingAnswer;
  }

  get luggage(): ChannelLuggage {
    return this;
  }

  /** The client is not asked who it is. */
  get traits(): undefined {
    return undefined;
  }

  /** One without a stream that is kept has nothing by which its client could come back. */
  callAtClient(id: JsonRpcId): OpenCall | undefined {
    const place = this.#replies.get(id)?.place;
    return place === undefined ? undefined : { id: this.#ids.atClient(id), place };
  }

  handOver(): KeptStreams | undefined {
    return this.#streams.luggage;
  }

  open(): void {
    this.#isOpen = true;
  }

  /**
   * Takes a call of the client, which is answered by the response to its POST.
   *
   * @returns the call as the server is to read it.
   */
  takeCall(call: JsonRpcRequest, init: CallReplyInit): JsonRpcRequest {
    const known = this.#replies.has(call.id) ? this.#ids.rename(call) : call;
    const reply = new CallReply(call.id, init, this.#streams, this.#session);
    this.#replies.set(known.id, reply);
    this.#connect(init.res);
    if (isInitialize(call)) this.#opening = known.id;
    return known;
  }

  /** The server did not get a call. Its POST is refused. @param id the server's. */
  withdrawCall(id: JsonRpcId): void {
    this.#replies.get(id)?.withdraw();
    this.#forget(id);
  }

  /** Any other message of the client, as the server is to read it. */
  toServer(message: JsonRpcMessage): JsonRpcMessage {
    return this.#ids.toServer(message, this.#replies.keys());
  }

  /** Ends the response to a call while it goes on: its client comes back for the rest. @param id the server's. */
  leaveCall(id: JsonRpcId, retryMs: number): void {
    this.#replies.get(id)?.leave(retryMs);
  }

  /** Ends the stream of the GET: its client comes back. */
  leaveListener(retryMs: number | undefined): void {
    this.#streams.standalone.detach(retryMs);
  }

  /**
   * Lets the client listen, to what belongs to no call, or to the rest of a call. The newest
   * response gets it: an earlier one may be half-open, with nobody at its other end.
   *
   * @returns `false` where nothing is left to hear.
   * @throws McpSseError for a position from which nobody can go on.
   */
  listen({ res, stream: reader, position, takesPriming }: ListenOffer): boolean {
    if (this.#session.closeReason !== undefined) throw sessionClosed();
    this.#isSuspended = false;
    const known = this.#isForgotten(position) ? undefined : position;
    const stream = this.#streamAt(known);
    if (known !== undefined && known !== "unknown") {
      if (stream.endsAt(known.seq)) return false;
      stream.acknowledge(known.seq);
    }
    stream.admitReader();
    const mark = resumeMark(known, this);
    this.#connect(res);
    reader.cork(() => {
      reader.open();
      stream.attach(reader, takesPriming, stream === this.#streams.standalone ? MAX_SILENT : 0);
    });
    if (mark !== undefined) this.#session.clientResumed(mark);
    return true;
  }

  intercept(): boolean {
    return false;
  }

  noteReceived(message: JsonRpcMessage): void {
    this.#isSuspended = false;
    if (!("method" in message)) {
      if (message.id !== undefined) this.#streams.settle(message.id);
      return;
    }
    if (isCall(message)) this.#beginReply(message.id);
    if (message.method !== "notifications/cancelled") return;
    const id = message.params?.["requestId"] as JsonRpcId;
    this.#replies.get(id)?.cancel();
    this.#forget(id);
  }

  toClient(message: JsonRpcMessage): JsonRpcMessage {
    return this.#ids.toClient(message);
  }

  send(message: JsonRpcMessage, json: MessageJson, related: JsonRpcId | undefined): WriteResult {
    if (!("method" in message)) return this.#answer(message, json);
    const metadata: MessageMetadata =
      "id" in message ? { kind: "request", requestId: message.id } : { kind: "notification" };
    const call = related === undefined ? undefined : this.#replies.get(related);
    if (call?.hasStream === true) return call.send(json, metadata);
    const { standalone } = this.#streams;
    // Nobody may hear a client's messages who has not shown a credential that is good.
    const other =
      standalone.isAttached || this.#isSuspended ? undefined : this.#newestThatListens();
    if (other !== undefined) return other.send(json, metadata);
    const result = standalone.send(json, metadata);
    this.#streams.check();
    // Without a stream, and without anything that is kept, a notification is for nobody.
    if (metadata.kind === "request") return result;
    return result?.catch(() => undefined);
  }

  whenSettled(): Promise<void> {
    return this.#streams.whenSettled();
  }

  /**
   * The stream of a GET ends; its client comes back with another credential. Calls are answered:
   * they came with one that was good.
   */
  suspend(): boolean {
    this.#isSuspended = true;
    this.#streams.standalone.detach(this.#options.resume?.retryMs ?? RETRY_MS);
    return true;
  }

  end(reason: CloseReason, discards: boolean): void {
    this.#patient.clear();
    if (discards) this.#cutBegun();
    for (const reply of this.#replies.values()) reply.fail(endedBefore(reason));
    this.#replies.clear();
    const retryMs = this.#options.resume?.retryMs ?? RETRY_MS;
    this.#streams.close(
      shouldReconnect(reason) ? retryMs : undefined,
      discards ? 0 : cutAfterEnd(reason),
    );
  }

  async whenGone(): Promise<void> {
    await Promise.all([...this.#connections].map(whenFinished));
  }

  #answer(message: JsonRpcResponse, json: MessageJson): WriteResult {
    const { id } = message;
    if (id === undefined) return undefined;
    const reply = this.#replies.get(id);
    this.#forget(id);
    const isOpening = id === this.#opening;
    if (isOpening) this.#noteOpened(message);
    // Its client would not know that there is a session, and nobody would end it.
    const isUnknown = isOpening && ("error" in message || reply?.isLost === true);
    if (isUnknown) reply?.unnameSession();
    const result = reply?.answer(json);
    if (isUnknown) this.#session.end("failed-to-open");
    return result;
  }

  #forget(id: JsonRpcId): void {
    this.#replies.delete(id);
    this.#ids.forget(id);
  }

  /** What has begun to leave takes memory until it has left. */
  #cutBegun(): void {
    for (const res of this.#connections) if (res.headersSent) res.destroy();
  }

  /** Not before its call was admitted: a response that has begun could not say that it was refused. */
  #beginReply(id: JsonRpcId): void {
    const reply = this.#replies.get(id);
    if (reply === undefined) return;
    this.#giveWaiting(reply);
    this.#patient.add(reply);
  }

  #noteOpened(answer: JsonRpcResponse): void {
    this.#opening = undefined;
    this.protocolVersion = agreedVersion(answer) ?? this.protocolVersion;
  }

  /** Whether it is of the stream that the client listened to before its session was restored. */
  #isForgotten(position: ListenOffer["position"]): boolean {
    if (!this.#options.isRestored || position === undefined || position === "unknown") return false;
    return position.sessionId !== this.#streams.id && position.stream === 0;
  }

  #streamAt(position: ListenOffer["position"]): SessionStreams["standalone"] {
    if (position === undefined) return this.#streams.standalone;
    const isOurs = position !== "unknown" && position.sessionId === this.#streams.id;
    const stream = isOurs ? this.#streams.find(position.stream) : undefined;
    if (stream !== undefined && isOurs && stream.canGoOnFrom(position.seq)) return stream;
    throw new McpSseError(
      "event_id_unknown",
      "Last-Event-ID names no event from which this session can go on: listen without it.",
    );
  }

  /** Gives a call what has waited for a client that does not listen. */
  #giveWaiting(reply: CallReply): void {
    const { standalone } = this.#streams;
    if (standalone.isEmpty || standalone.hasBeenHeard || !reply.isListening) return;
    for (const entry of [...standalone.entries]) {
      reply.send(entry, entry.metadata)?.catch(() => undefined);
      standalone.acknowledge(entry.seq);
    }
  }

  #newestThatListens(): CallReply | undefined {
    return [...this.#replies.values()].filter(({ isListening }) => isListening).at(-1);
  }

  #connect(res: ServerResponse): void {
    this.#connections.add(res);
    onResponseEnd(res, () => {
      this.#connections.delete(res);
      this.#leftAt = Date.now();
    });
  }
}

function endedBefore(reason: CloseReason): McpSseError {
  // Its client goes on with it, and its server had the call.
  if (goesOnElsewhere(reason)) return mayHaveBeenDone();
  return reason === "shutting-down" ? shuttingDown() : sessionClosed();
}
