import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import type { SessionSummary } from "../session/session-facts.js";
import type { Session } from "../session/session.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { MessageExtra } from "./message-extra.js";
import { RefusedCaller, toClientError } from "./refused-caller.js";
import { findScopeChallenge } from "../policy/scope-challenge.js";
import type { ScopeChallengeResolver } from "../policy/scope-challenge.js";

/** A session, whoever owns it and however its client is reached. */
export type CarriedSession = Session<unknown, MessageExtra | undefined>;

/** The SDK's `Transport` over a session, for servers built with either SDK major. */
export class SessionTransport {
  /** Called once, however the session ends. Set by the SDK server. */
  onclose: (() => void) | undefined;
  /** Called for what goes wrong without ending the session. Set by the SDK server. */
  onerror: ((error: Error) => void) | undefined;
  /** Called for each message of the client. Set by the SDK server. */
  onmessage: ((message: JsonRpcMessage, extra?: MessageExtra) => void) | undefined;

  readonly #session: CarriedSession;
  #isStarted = false;

  constructor(session: CarriedSession) {
    this.#session = session;
  }

  get sessionId(): string {
    return this.#session.id;
  }

  /** What `JSON.stringify` shows. */
  toJSON(): SessionSummary {
    return this.#session.toJSON();
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `${this.constructor.name} ${inspect(this.toJSON(), options)}`;
  }

  /**
   * Sets who says what callers lack for a request: it is asked before the server gets a message.
   * An `McpServer` of SDK v2 calls this from `connect()`, for its `scopeChallenge`s.
   */
  setScopeChallengeResolver(resolver: ScopeChallengeResolver): void {
    const fail = (error: unknown): never => {
      this.onerror?.(error as Error);
      throw new RefusedCaller("a scope challenge could not be decided", toClientError(error));
    };
    this.#session.policy = (message, extra) => {
      try {
        const asked = findScopeChallenge(resolver, message, extra?.authInfo);
        return asked instanceof Promise ? asked.catch(fail) : asked;
      } catch (error) {
        return fail(error);
      }
    };
  }

  /**
   * Lets the client be heard, and hear. SDK servers call it from `connect()`.
   *
   * @throws Error when called twice.
   */
  async start(): Promise<void> {
    if (this.#isStarted) {
      throw new Error("This transport is started already: server.connect() does it for you.");
    }
    this.#isStarted = true;
    this.#session.onmessage = (message, extra) => this.onmessage?.(message, extra);
    this.#session.onClosed(() => this.#announceClosed());
    this.#session.channel.open();
  }

  /**
   * Sends a message to the client.
   *
   * Resolves when the socket took it or its bounded queue has room; with a slow reader that is
   * later, so awaiting it keeps the memory flat. Rejects when nobody can hear it.
   */
  send(message: unknown): Promise<void> {
    const { state } = this.#session;
    if (state === "opening" || state === "closed") return Promise.reject(notConnected());
    if (typeof message !== "object" || message === null) return Promise.reject(noMessage());
    return this.#session.send(message);
  }

  /** Ends the session. Safe to call twice. */
  async close(): Promise<void> {
    this.#session.end("server-closed");
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#announceClosed();
    }
  }

  /**
   * A handler that throws is told to `onerror`: nobody else is there to catch it when a socket
   * closes. If that throws as well, the log is told.
   */
  #announceClosed(): void {
    try {
      this.onclose?.();
    } catch (error) {
      try {
        this.onerror?.(error as Error);
      } catch {
        this.#session.noteFault("its onclose and its onerror threw");
      }
    }
  }
}

function noMessage(): Error {
  return new TypeError("A JSON-RPC message is an object.");
}

function notConnected(): Error {
  return new Error("Not connected");
}
