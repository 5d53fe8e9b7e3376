import type { IncomingMessage } from "node:http";
import type { UpstreamToken } from "../shared/upstream-token.js";
import type { ClientInfo } from "./client-info.js";
import type { ChannelLimit, ChannelOutcome, TimeLimit } from "./limits.js";

/**
 * `opening` until the client can hear, `open` while it can, `detached` while it is away and
 * expected back, `closed` for good after that.
 */
export type SessionState = "opening" | "open" | "detached" | "closed";

/** How a session's messages travel. */
export type SessionWire = "sse" | "streamable" | "stdio";

/** The year of the protocol in which a session's wire was introduced. */
export type SessionEra = "2024" | "2025" | "2026";

/** Hears of a session's new principal, and of the one before. */
export type PrincipalListener<P> = (principal: P, previous: P) => void;

/** What a session shows of itself: to `createServer`, to `setup`, and in `sessions`. */
export interface SessionInfo<P = unknown> {
  /**
   * By which the client names the session; with `sessions.restore` its `Mcp-Session-Id` only begins
   * with it. Not a credential: every request is authenticated as well.
   */
  readonly id: string;
  /**
   * Whose session it is, as most recently verified; `undefined` on an open endpoint. It never
   * permits less than before: a credential that lacks one of its scopes finds no session.
   */
  readonly principal: P;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly state: SessionState;
  /**
   * Whether it goes on for a client that began it with another server, in this process or in one before:
   * see `sessions.restore`. What that server kept of the conversation, this one does not know.
   */
  readonly isRestored: boolean;
  /**
   * Whether it was begun at another node of its `cluster`, and goes on here with another server. What that
   * one kept of the conversation, this one does not know, but for {@link memo}. Never together with
   * `isRestored`.
   */
  readonly isMoved: boolean;
  /**
   * A small value of the server's own, of JSON, at most 16 KiB, which goes with the session to another node of
   * its `cluster`; without one it is just kept. What is read is a copy, so that a change counts once it is
   * set. `undefined` until it is, and when it is set to that. Where it travels it is sealed.
   *
   * @throws TypeError, when it is set, for what is no JSON, or too much of it.
   *
   * @example
   * ```ts
   * const createServer = (session: SessionInfo<Principal>) => {
   *   const server = new McpServer({ name: "shop", version: "1.0.0" });
   *   server.registerTool("add", { inputSchema: { item: z.string() } }, ({ item }) => {
   *     const basket = [...((session.memo as string[] | undefined) ?? []), item];
   *     session.memo = basket;
   *     return { content: [{ type: "text", text: `${basket.length} items` }] };
   *   });
   *   return server;
   * };
   * ```
   */
  memo: unknown;
  /** `"sse"` for HTTP+SSE, `"streamable"` for Streamable HTTP. */
  readonly transport: SessionWire;
  /**
   * `"2024"` for HTTP+SSE, `"2025"` for Streamable HTTP with sessions, `"2026"` for Streamable HTTP of
   * 2026-07-28, where this is one request and its answer; `undefined` on stdio.
   */
  readonly era: SessionEra | undefined;
  /**
   * The revision of MCP that its client and server have agreed on, such as `"2025-11-25"`; in 2026-07-28 the one that the
   * request names. `undefined` until it is known, and on stdio.
   */
  readonly protocolVersion: string | undefined;
  /**
   * Whether its client has sent anything: `initialize`, as a rule. Some programs open a stream of
   * HTTP+SSE only to see whether they may, and use another. Always true on stdio.
   */
  readonly hasBegun: boolean;
  /** The client's name and version; `undefined` until it has sent `initialize`, and on stdio. */
  readonly client: ClientInfo | undefined;
  /** Whom the request that opened it came from: the peer, or whom a proxy names that the app trusts; `undefined` on stdio. */
  readonly address: string | undefined;
  /** The request that opened it, in an Express app its `express.Request` with the `params` of the mount path; `undefined` on stdio. */
  readonly request: IncomingMessage | undefined;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  /** How many requests of the client have no answer yet. */
  readonly inFlight: number;
  /** How much memory the messages take that are kept for its client, or that it has not read yet, in bytes; 0 on stdio. */
  readonly waitingBytes: number;
  /**
   * When the oldest message was sent that its client is not known to have, in milliseconds since the epoch, at this
   * node: over HTTP+SSE the oldest that it has not acknowledged, over Streamable HTTP, where nothing is, the oldest that has
   * not left this process. `undefined` if there is none, without `resume`, and on stdio.
   */
  readonly waitingSince: number | undefined;
  /**
   * Calls `listener` when a credential with more scopes, or with other claims (beside `exp`,
   * `nbf`, `iat` and `jti`), goes on with the session: before the message that came with it is
   * handled. A server can then register what its caller may use now. What the listener throws is
   * logged.
   */
  onPrincipalChanged(listener: PrincipalListener<P>): void;
  /**
   * The identity provider's own token for the caller, refreshed when it is due: with `oauth` and
   * `signIn`.
   *
   * @throws Error when the caller did not sign in here, or has to do so again.
   */
  upstream(): Promise<UpstreamToken>;
  /** Ends the session. Safe to call twice. */
  close(): void;
}

/** What a session shows of itself when it is printed: nothing secret, and no internals. */
export interface SessionSummary {
  readonly id: string;
  /** Whose it is, without what else was verified; absent where nobody is known. */
  readonly principal?: Readonly<Record<string, unknown>>;
  readonly transport: SessionWire;
  readonly era: SessionEra | undefined;
  readonly state: SessionState;
  /** Whether its client has sent anything. */
  readonly hasBegun: boolean;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  /** When the last message went in either direction, in milliseconds since the epoch. */
  readonly activeAt: number;
  readonly inFlight: number;
  /** Bytes of messages for its client. */
  readonly waitingBytes: number;
  /** When the oldest of them was sent that its client is not known to have, in milliseconds since the epoch; absent if none is. */
  readonly waitingSince?: number;
  readonly client?: ClientInfo;
  readonly address?: string;
}

/** An admission controller, as a session sees it: decides what its client may do, and hears what became of it. */
export interface SessionAdmission<S> {
  /** A client begins its conversation. @throws McpSseError when one more is not admitted. */
  admitInitialization(session: S): void;
  /** A client calls. @throws McpSseError when too many of its calls have no answer. */
  admitCall(session: S): void;
  /** A client has begun its conversation, and said who it is. */
  noteBegun(session: S): void;
  /** It has ended; everybody else hears of it after this. */
  noteEnd(session: S): void;
  /** A listener of the application threw. */
  noteListenerError(error: unknown): void;
  /** A limit was reached. */
  noteLimit(session: S, limit: TimeLimit | ChannelLimit, outcome: ChannelOutcome): void;
  /** Something of the application's is wrong. @param fault in words for the log, without content. */
  noteFault(session: S, fault: string): void;
}
