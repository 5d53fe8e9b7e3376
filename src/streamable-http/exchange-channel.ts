import type { ServerResponse } from "node:http";
import type { Principal } from "../auth/principal.js";
import { EventStream } from "../http/event-stream.js";
import type { StreamEnd, StreamOwner } from "../http/event-stream.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { MessageExtra } from "../http/mcp-transport.js";
import { sendError } from "../http/respond-error.js";
import type { EventStreamOptions } from "../options/stream-options.js";
import type { Channel, ChannelSession } from "../session/channel.js";
import { cutAfterEnd, shouldReconnect } from "../session/close-reason.js";
import type { CloseReason } from "../session/close-reason.js";
import type { HeldCall } from "../session/held-call.js";
import { fromJson } from "../session/message-json.js";
import { sessionClosed, shuttingDown } from "../session/session-end.js";
import type { Session } from "../session/session.js";
import type { ByteHolder, WriteResult } from "../session/write-result.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import { sendText } from "../shared/send.js";
import { AnswerWatch } from "./answer-watch.js";
import { sendJsonAnswer } from "./json-answer.js";
import { versionHeaderOf } from "./protocol-version.js";
import { endOfSubscription } from "./listen.js";

/** A session that is one request of 2026-07-28 and its answer. */
export type ExchangeSession = Session<Principal | undefined, MessageExtra, ExchangeChannel>;

/**
 * The response to one request, as SDK v2's handler makes it. The handler is between the server and
 * the client, so no message of the server comes this way; what it writes is written here, within the
 * bounds of all streams.
 */
export class ExchangeChannel implements Channel, StreamOwner {
  readonly transport = "streamable";
  readonly era = "2026";
  readonly state = "open";
  readonly leftAt = undefined;
  readonly hasListened = false;
  /** What is written is not kept. */
  readonly waitingSince = undefined;
  /** Is called when a reader has room again. */
  onDrained: (() => void) | undefined;

  readonly protocolVersion: string | undefined;
  readonly #session: ChannelSession;
  readonly #res: ServerResponse;
  readonly #options: EventStreamOptions;
  /** Aborted when it ends before its answer: the session's own, which always ends, would cost each call an error. */
  readonly #abort = new AbortController();
  #subscription: JsonRpcId | undefined;
  #stream: EventStream | undefined;
  #isAnswered = false;

  constructor(
    session: ChannelSession,
    { res, parts }: Pick<AdmittedRequest, "res" | "parts">,
    options: EventStreamOptions,
  ) {
    this.#session = session;
    this.#res = res;
    this.protocolVersion = versionHeaderOf(parts);
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get bytes(): ByteHolder {
    return this.#session.bytes;
  }

  /** Whether something waits for the reader. */
  get isBlocked(): boolean {
    return this.#stream?.isBlocked ?? false;
  }

  get hasWaitingAnswer(): boolean {
    return this.#stream?.isBlocked ?? false;
  }

  /** The request asks for changes: it is answered when that is over, and its client told so. */
  becomeSubscription(id: JsonRpcId): void {
    this.#subscription = id;
  }

  /**
   * Sends the answer. Resolves when all of it has left, or never will.
   *
   * @param call hears that it was answered.
   */
  async reply(response: Response, call: HeldCall | undefined): Promise<void> {
    const { status, headers, body } = response;
    if (headers.get("content-type") === "text/event-stream" && body !== null) {
      await this.#pump(body, call);
      return;
    }
    const text = body === null ? "" : await response.text();
    if (this.#session.closeReason !== undefined) return;
    this.#isAnswered = true;
    const json = fromJson(text);
    AnswerWatch.of(call)?.noteJson(text);
    call?.answered(json.bytes);
    if (status === 200) {
      await sendJsonAnswer(this.#res, json, this.#options.stallMs, this.#session);
    } else if (text === "") this.#res.writeHead(status, { "Content-Length": "0" }).end();
    else
      sendText(this.#res, status, "application/json", json.json, { "Cache-Control": "no-store" });
  }

  /** Takes all that there is at once: what waits is bounded, and counted, on this side only. */
  async #pump(body: ReadableStream<Uint8Array>, call: HeldCall | undefined): Promise<void> {
    const reader = body.getReader();
    if (this.#session.closeReason !== undefined) {
      await reader.cancel();
      return;
    }
    const stream = new EventStream(this.#res, this.#options);
    this.#stream = stream;
    stream.owner = this;
    stream.open();
    const decoder = new TextDecoder();
    const watch = AnswerWatch.of(call);
    let sent = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done || stream.hasEnded) break;
      const { json: frame, bytes } = fromJson(decoder.decode(value));
      watch?.noteStream(frame);
      sent += bytes;
      stream.write(frame, bytes)?.catch(ignore);
    }
    call?.answered(sent);
    stream.end();
    await Promise.all([reader.cancel(), stream.whenGone()]);
  }

  /** Nothing will leave any more. Once there is an answer, whoever sends it sees by itself whether somebody is there. */
  clientLeft(): void {
    if (!this.#isAnswered) this.#session.end("client-disconnected");
  }

  streamDrained(): void {
    this.onDrained?.();
  }

  streamEnded(_stream: EventStream, end: StreamEnd): void {
    if (end === "stalled") this.#session.noteLimit("stallMs", "ended");
    if (end === "overrun") this.#session.noteLimit("maxQueuedBytes", "ended");
    if (end === "disconnected") this.#session.end("client-disconnected");
    else if (end !== "ended") this.#session.end("reader-stalled");
  }

  /** The credential has ended. A call goes on, since it came with one that was good; a subscription ends. */
  suspend(): boolean {
    return this.#subscription === undefined;
  }

  end(reason: CloseReason, discards: boolean): void {
    if (reason === ANSWERED) return;
    this.#abort.abort();
    const stream = this.#stream;
    if (stream === undefined) {
      if (!ANSWERED_ELSEWHERE.has(reason)) sendError(this.#res, endedBefore(reason));
      return;
    }
    if (this.#subscription !== undefined && shouldReconnect(reason)) {
      void stream.write(endOfSubscription(this.#subscription))?.catch(ignore);
    }
    stream.end(undefined, discards ? 0 : cutAfterEnd(reason));
  }

  async whenGone(): Promise<void> {
    await this.#stream?.whenGone();
  }

  whenSettled(): Promise<void> {
    return Promise.resolve();
  }

  intercept(): boolean {
    return false;
  }

  toClient(message: JsonRpcMessage): JsonRpcMessage {
    return message;
  }

  send(): WriteResult {
    return Promise.reject(sessionClosed());
  }

  open(): void {
    // The SDK's handler connects the server.
  }

  noteReceived(): void {
    // Nothing is acknowledged.
  }
}

/** How an exchange ends that was answered: the SDK's handler closes its server. */
export const ANSWERED = "server-closed" satisfies CloseReason;

/** Ends of which nobody is left to hear, or whoever has ended it tells the client. */
const ANSWERED_ELSEWHERE: ReadonlySet<CloseReason> = new Set([
  "client-disconnected",
  "failed-to-open",
]);

/** What a request hears that is over before it was answered. */
function endedBefore(reason: CloseReason): McpSseError {
  return reason === "shutting-down"
    ? shuttingDown()
    : new McpSseError("server_unavailable", "The request was ended before it was answered.", {
        headers: retryAfter(),
      });
}

function ignore(): void {
  // Nobody waits for it: the end of the stream is what counts.
}
