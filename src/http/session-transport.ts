import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import type { SessionSummary } from "../session/session-info.js";
import type { Session } from "../session/session.js";
import type { McpTransport, McpTransportBase, MessageExtra, SendOptions } from "./mcp-transport.js";
import { RefusedCaller, toClientError } from "./refused-caller.js";
import { findScopeChallenge } from "../policy/scope-challenge.js";
import type { ScopeChallengeResolver } from "../policy/scope-challenge.js";

/** A session, whoever owns it and however its client is reached. */
export type CarriedSession = Session<unknown, MessageExtra | undefined>;

/** The SDK's `Transport` over a session, but for the id by which its client knows it. */
export abstract class TransportOverSession implements McpTransportBase {
  onclose: McpTransport["onclose"];
  onerror: McpTransport["onerror"];
  onmessage: McpTransport["onmessage"];

  readonly #session: CarriedSession;
  #isStarted = false;

  constructor(session: CarriedSession) {
    this.#session = session;
  }

  toJSON(): SessionSummary {
    return this.#session.toJSON();
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `${this.constructor.name} ${inspect(this.toJSON(), options)}`;
  }

  setScopeChallengeResolver(resolver: ScopeChallengeResolver): void {
    const fail = (error: unknown): never => {
      this.onerror?.(error as Error);
      throw new RefusedCaller("a scope challenge could not be decided", toClientError(error));
    };
    this.#session.scopeCheck = (message, extra) => {
      try {
        const asked = findScopeChallenge(resolver, message, extra?.authInfo);
        return asked instanceof Promise ? asked.catch(fail) : asked;
      } catch (error) {
        return fail(error);
      }
    };
  }

  async start(): Promise<void> {
    if (this.#isStarted) {
      throw new Error("This transport is started already: server.connect() does it for you.");
    }
    this.#isStarted = true;
    this.#session.onmessage = (message, extra) => this.onmessage?.(message, extra);
    this.#session.onClosed(() => this.#announceClosed());
    this.#session.channel.open();
  }

  send(message: unknown, options?: SendOptions): Promise<void> {
    const { state } = this.#session;
    if (state === "opening" || state === "closed") return Promise.reject(notConnected());
    if (typeof message !== "object" || message === null) return Promise.reject(noMessage());
    return this.#session.send(message, options?.relatedRequestId);
  }

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

/** The SDK's `Transport` over a session, for servers built with either SDK major. */
export class SessionTransport extends TransportOverSession implements McpTransport {
  readonly #id: string;

  constructor(session: CarriedSession) {
    super(session);
    this.#id = session.id;
  }

  get sessionId(): string {
    return this.#id;
  }
}

function noMessage(): Error {
  return new TypeError("A JSON-RPC message is an object.");
}

function notConnected(): Error {
  return new Error("Not connected");
}
