import type { ServerResponse } from "node:http";
import type { EventStreamOptions } from "../options/stream-options.js";
import { EventStream } from "../http/event-stream.js";
import type { MessageMetadata } from "../http/outbox.js";
import { sendError } from "../http/respond-error.js";
import type { MessageJson } from "../session/message-json.js";
import type { WriteResult } from "../session/write-result.js";
import type { McpSseError } from "../shared/errors.js";
import type { JsonRpcId } from "../shared/json-rpc.js";
import type { Accepts } from "./accept.js";
import { sendJsonAnswer } from "./json-answer.js";
import type { AnswerHolder } from "./json-answer.js";
import { SESSION_HEADER } from "./session-header.js";
import type { MessageStream } from "./message-stream.js";

/** A POST that brought a call. */
export interface CallReplyInit {
  readonly res: ServerResponse;
  readonly accepts: Accepts;
  /** Whether its client takes an event that has an id and no data. */
  readonly takesPriming: boolean;
  /** Whether it may become a stream for what is no part of the call: not while a session begins. */
  readonly isForCallOnly: boolean;
  readonly options: EventStreamOptions;
}

/** What a session gives to its calls. */
export interface ReplyStreams {
  open(): MessageStream;
  /** See `CallWatch.opened`. */
  noteCall(stream: MessageStream, id: JsonRpcId): Promise<void> | undefined;
  check(): void;
}

/**
 * The response to a POST that brought a call. Nothing is said until it is known what there is to
 * say: an answer that comes first is plain JSON, everything else makes it a stream of events.
 */
export class CallReply {
  /** When it came, in milliseconds since the epoch. */
  readonly since = Date.now();
  readonly #init: CallReplyInit;
  readonly #streams: ReplyStreams;
  readonly #holder: AnswerHolder;
  readonly #id: JsonRpcId;
  #stream: MessageStream | undefined;
  #isAnswered = false;

  /**
   * @param id of the call, as its client knows it.
   * @param holder counts what has not left.
   */
  constructor(id: JsonRpcId, init: CallReplyInit, streams: ReplyStreams, holder: AnswerHolder) {
    this.#id = id;
    this.#init = init;
    this.#streams = streams;
    this.#holder = holder;
  }

  /** Whether its response is there, and was not begun. */
  get isUndecided(): boolean {
    return this.#stream === undefined && !this.#isAnswered && this.#isThere;
  }

  /** Whether its client left before it was told anything. */
  get isLost(): boolean {
    return this.#stream === undefined && !this.#isAnswered && !this.#isThere;
  }

  /** By which its client comes back for the rest; `undefined` where it does not. */
  get place(): number | undefined {
    return this.#stream?.isKeeping === true ? this.#stream.number : undefined;
  }

  /** Whether messages of its call can be sent, or kept, on a stream of its own. */
  get hasStream(): boolean {
    return this.#stream !== undefined || (this.#init.accepts.stream && this.isUndecided);
  }

  /** Whether a client listens to it that takes what is no part of its call. */
  get isListening(): boolean {
    if (this.#init.isForCallOnly || this.#isAnswered) return false;
    return this.#stream?.isAttached ?? this.hasStream;
  }

  /** Sends a message before the answer. */
  send(json: MessageJson, metadata: MessageMetadata): WriteResult {
    const result = this.becomeStream()?.send(json, metadata);
    this.#streams.check();
    return result;
  }

  /** The answer. Where nobody is there to hear it, and nobody could come back for it, it is lost. */
  answer(json: MessageJson): WriteResult {
    const isStream = this.#stream !== undefined || !this.#init.accepts.json;
    const stream = isStream ? this.becomeStream() : undefined;
    this.#isAnswered = true;
    if (stream !== undefined) {
      const result = stream.finish(json);
      this.#streams.check();
      return result;
    }
    if (!this.#isThere) return undefined;
    return sendJsonAnswer(this.#init.res, json, this.#init.options.stallMs, this.#holder);
  }

  /** Its server did not take the call: the response is somebody else's. */
  withdraw(): void {
    this.#isAnswered = true;
  }

  /** The session did not come about: nobody is to come back to it. */
  unnameSession(): void {
    if (this.#isThere) this.#init.res.removeHeader(SESSION_HEADER);
  }

  /** Nobody waits for the answer any more, and there will be none. */
  cancel(): void {
    this.#isAnswered = true;
    this.#stream?.close();
    if (this.#stream === undefined && this.#isThere) this.#init.res.writeHead(202).end();
  }

  /** The session has ended. Streams are told by the session. */
  fail(error: McpSseError): void {
    this.unnameSession();
    if (this.isUndecided) sendError(this.#init.res, error);
    this.#isAnswered = true;
  }

  /** Tells the client that an answer will come, and gives it an id to come back with. */
  becomeStream(): MessageStream | undefined {
    if (this.#stream !== undefined || !this.hasStream) return this.#stream;
    const { res, options, takesPriming } = this.#init;
    const reader = new EventStream(res, options);
    const stream = this.#streams.open();
    this.#stream = stream;
    const noted = this.#streams.noteCall(stream, this.#id);
    if (noted !== undefined) holdBack(res, noted);
    // Whoever hears of the stream has an id to come back to it with.
    reader.cork(() => {
      reader.open();
      stream.attach(reader, takesPriming);
    });
    return stream;
  }

  /** Ends the response while the call goes on: its client comes back for the rest, if it can. */
  leave(retryMs: number): void {
    if (this.#init.takesPriming) this.becomeStream()?.detach(retryMs);
  }

  get #isThere(): boolean {
    const { res } = this.#init;
    return !res.headersSent && !res.destroyed && !res.req.socket.destroyed;
  }
}

/** Nothing leaves before that: whoever has heard of the stream comes back for its answer, to another node if need be. */
function holdBack({ socket }: ServerResponse, noted: Promise<void>): void {
  if (socket === null) return;
  socket.cork();
  const go = (): void => socket.uncork();
  // Where its session is not here any more, what leaves is the end of the stream.
  void noted.then(go, go);
}
