import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { MAX_TIMER_MS, McpSseError } from "../errors.js";
import type { UpstreamToken } from "../upstream-token.js";
import type { EventStream, StreamEnd } from "../wire/event-stream.js";
import type { JsonRpcId, JsonRpcMessage } from "../wire/message-body.js";

/** `opening` until the client has its endpoint event, `closed` for good after that. */
export type SessionState = "opening" | "open" | "closed";

/** Why a session ended. */
export type CloseReason =
  /** The client closed its stream, or the network did. */
  | "client-disconnected"
  /** The client left messages unread for too long. */
  | "reader-stalled"
  /** The SDK server was closed. */
  | "server-closed"
  /** The application closed it: `session.close()`, `sessions.close()`. */
  | "closed-by-application"
  /** `sessions.closeFor(principal)`. */
  | "revoked"
  /** The router or the server is being closed. */
  | "shutting-down"
  /** Its owner's credential has expired, and no newer one was sent. */
  | "credential-expired"
  /** There was no server for it. */
  | "failed-to-open";

const REASON_OF_END: Readonly<Record<StreamEnd, CloseReason>> = {
  ended: "server-closed",
  disconnected: "client-disconnected",
  stalled: "reader-stalled",
};

/** How soon a client comes back to a stream that ended with its credential, in milliseconds: it needs a new one first. */
const RECONNECT_MS = 1_000;

/** What a session shows of itself: to `createServer`, to `setup`, and in `sessions`. */
export interface SessionInfo<P = unknown> {
  /** The id in the session's endpoint URL. Not a credential: every POST is authenticated as well. */
  readonly id: string;
  /** Whose session it is, as most recently verified; `undefined` on an open endpoint. */
  readonly principal: P;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly state: SessionState;
  /** The GET that opened it, in an Express app its `express.Request` with the `params` of the mount path; `undefined` on stdio. */
  readonly request: IncomingMessage | undefined;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  /** Requests of the client that have no answer yet. */
  readonly inFlight: number;
  /**
   * The identity provider's own token for the caller, refreshed when it is due: with `oauth` and
   * `signIn`.
   *
   * @throws Error when the caller did not sign in here, or has to do so again.
   */
  upstream(): Promise<UpstreamToken>;
  /** Ends the session and its stream. Safe to call twice. */
  close(): void;
}

/** Who opens a session, and with what. */
export interface SessionInit<P> {
  readonly principal: P;
  /** Compared with the key of every POST. */
  readonly ownerKey: string;
  readonly request: IncomingMessage;
  /** When the session ends unless it is renewed, in milliseconds since the epoch. Default: never. */
  readonly validUntil?: number | undefined;
  /** Looks up the identity provider's token for the session's principal. Default: there is none. */
  readonly upstream?: ((principal: P & object) => Promise<UpstreamToken>) | undefined;
}

type Listener<E> = (message: JsonRpcMessage, extra: E) => void;

/**
 * One client's conversation: whose it is, the stream it is heard on, what is still to be
 * answered, and how it ended. `E` is what accompanies a received message.
 */
export class Session<P = unknown, E = unknown> implements SessionInfo<P> {
  /** Unguessable, and never taken from outside. */
  readonly id: string = randomUUID();
  readonly ownerKey: string;
  readonly openedAt = Date.now();
  /** Receives every message of the client; set by the transport. */
  onmessage: Listener<E> | undefined;

  readonly #request: IncomingMessage;
  readonly #unanswered = new Set<JsonRpcId>();
  readonly #closeListeners: ((reason: CloseReason) => void)[] = [];
  #idleListeners: (() => void)[] = [];
  #principal: P;
  #stream: EventStream | undefined;
  #abort: AbortController | undefined;
  #closeReason: CloseReason | undefined;
  #validUntil: number | undefined;
  #expiry: NodeJS.Timeout | undefined;
  readonly #upstream: SessionInit<P>["upstream"];

  constructor({ principal, ownerKey, request, validUntil, upstream }: SessionInit<P>) {
    this.#upstream = upstream;
    this.ownerKey = ownerKey;
    this.#principal = principal;
    this.#request = request;
    this.#validUntil = validUntil;
    this.#watchExpiry();
  }

  get principal(): P {
    return this.#principal;
  }

  get request(): IncomingMessage {
    return this.#request;
  }

  get state(): SessionState {
    if (this.#closeReason !== undefined) return "closed";
    return this.#stream === undefined ? "opening" : "open";
  }

  get inFlight(): number {
    return this.#unanswered.size;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#closeReason !== undefined) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Lets the session be heard on `stream`, which must not be open yet. */
  attach(stream: EventStream): void {
    if (this.#closeReason !== undefined) throw sessionClosed();
    stream.onend = (end) => this.end(REASON_OF_END[end]);
    stream.open();
    this.#stream = stream;
  }

  /**
   * Keeps the most recent credential's principal; the owner stays the same. A credential that
   * ends later prolongs the session, one that ends earlier does not shorten it.
   */
  renew(principal: P, validUntil?: number): void {
    this.#principal = principal;
    if (this.#validUntil === undefined || this.#validUntil === validUntil) return;
    if (validUntil !== undefined && validUntil < this.#validUntil) return;
    this.#validUntil = validUntil;
    this.#watchExpiry();
  }

  /** Sends the frame of an event; see {@link EventStream.write}. */
  write(frame: string): Promise<void> {
    return this.#stream?.write(frame) ?? Promise.reject(sessionClosed());
  }

  /**
   * Sends a message.
   *
   * @returns a promise that resolves when the socket, or its bounded queue, took the message.
   */
  send(message: unknown): Promise<void> {
    const sent = this.#writeMessage(message);
    this.#noteAnswer(message as JsonRpcMessage, sent);
    return sent;
  }

  /** Hands a message of the client to the server. */
  receive(message: JsonRpcMessage, extra: E): void {
    if (this.state !== "open" || this.onmessage === undefined) throw sessionClosed();
    this.#noteCall(message);
    try {
      this.onmessage(message, extra);
    } catch (error) {
      // Whoever did not take a call will not answer it.
      if ("method" in message && "id" in message) this.#settle(message.id);
      throw error;
    }
  }

  /** Resolves when nothing is left to answer, or nobody is left to answer to. */
  whenIdle(): Promise<void> {
    if (this.#unanswered.size === 0 || this.#closeReason !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  /** Calls `listener` once the session has ended; at once if it has. */
  onClosed(listener: (reason: CloseReason) => void): void {
    if (this.#closeReason !== undefined) listener(this.#closeReason);
    else this.#closeListeners.push(listener);
  }

  async upstream(): Promise<UpstreamToken> {
    const principal = this.#principal;
    if (this.#upstream === undefined || typeof principal !== "object" || principal === null) {
      throw noUpstream();
    }
    return await this.#upstream(principal);
  }

  close(): void {
    this.end("closed-by-application");
  }

  /** Ends the session. Only the first reason counts. */
  end(reason: CloseReason): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    clearTimeout(this.#expiry);
    this.#stream?.end(reason === "credential-expired" ? RECONNECT_MS : undefined);
    this.#abort?.abort();
    this.#unanswered.clear();
    this.#announceIdle();
    const errors: unknown[] = [];
    for (const listener of this.#closeListeners.splice(0)) {
      try {
        listener(reason);
      } catch (error) {
        errors.push(error);
      }
    }
    // The others have heard of it by now.
    if (errors.length > 0) throw errors[0];
  }

  /** Rejects, and never throws, for a message that is no JSON: its call is settled like any other. */
  async #writeMessage(message: unknown): Promise<void> {
    // JSON has no raw line breaks, so the frame needs no look at its data.
    await this.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  /**
   * A timer holds 24 days at most; a longer life is watched in steps. What has expired already
   * ends with the next turn: whoever is opening the session has nothing to close yet.
   */
  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const validUntil = this.#validUntil;
    if (validUntil === undefined || this.#closeReason !== undefined) return;
    const left = Math.max(0, validUntil - Date.now());
    this.#expiry = setTimeout(
      () => {
        if (Date.now() >= validUntil) this.end("credential-expired");
        else this.#watchExpiry();
      },
      Math.min(left, MAX_TIMER_MS),
    ).unref();
  }

  #noteCall(message: JsonRpcMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) this.#unanswered.add(message.id);
    else if (message.method === "notifications/cancelled") this.#noteCancelled(message.params);
  }

  /** A cancelled request gets no answer. @see MCP 2024-11-05, basic/utilities/cancellation */
  #noteCancelled(params: Record<string, unknown> | undefined): void {
    this.#settle(params?.["requestId"] as JsonRpcId);
  }

  /** A call is answered once the socket has its answer, not before: a polite end waits for that. */
  #noteAnswer(message: JsonRpcMessage, sent: Promise<void>): void {
    if ("method" in message || message.id === undefined) return;
    const { id } = message;
    const settle = (): void => this.#settle(id);
    sent.then(settle, settle);
  }

  #settle(id: JsonRpcId): void {
    if (this.#unanswered.delete(id) && this.#unanswered.size === 0) this.#announceIdle();
  }

  #announceIdle(): void {
    const listeners = this.#idleListeners;
    this.#idleListeners = [];
    for (const resolve of listeners) resolve();
  }
}

/** @internal The answer of `upstream()` where nobody signed in. */
export function noUpstream(): Error {
  return new Error('The caller did not sign in here. Write auth type "oauth" with signIn.');
}

function sessionClosed(): McpSseError {
  return new McpSseError("session_closed", "The session has no open event stream.");
}
