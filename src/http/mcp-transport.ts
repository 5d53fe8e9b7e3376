import type { IncomingHttpHeaders } from "node:http";
import type { AuthInfo, Principal } from "../auth/principal.js";
import type { ScopeChallengeResolver } from "../policy/scope-challenge.js";
import type { SessionInfo, SessionSummary } from "../session/session-info.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";

/** What SDK servers say of a message that they send. */
export interface SendOptions {
  /** The call in whose course it is sent: where calls have streams of their own, it goes on that one's. */
  readonly relatedRequestId?: JsonRpcId | undefined;
}

/** What a tool of SDK v1 finds as `extra.requestInfo`. */
export interface RequestInfo {
  headers: IncomingHttpHeaders;
  url?: URL | undefined;
}

/**
 * What accompanies a message on its way to the SDK server: `authInfo` and `requestInfo` are what
 * SDK v1 reads, `authInfo` and `request` what SDK v2 reads.
 */
export interface MessageExtra {
  authInfo?: AuthInfo | undefined;
  requestInfo?: RequestInfo | undefined;
  request?: Request | undefined;
  /**
   * Ends the response to the call while it goes on: its client comes back for the rest. Only over
   * Streamable HTTP, and for clients of 2025-11-25 and later.
   */
  closeSSEStream?: (() => void) | undefined;
  /** The same for the stream of the client's GET. */
  closeStandaloneSSEStream?: (() => void) | undefined;
}

/** {@link McpTransport}, but for the id of its session, which may come later. */
export interface McpTransportBase {
  /** Called once, however the session ends. Set by the SDK server. */
  onclose: (() => void) | undefined;
  /** Called for what goes wrong without ending the session. Set by the SDK server. */
  onerror: ((error: Error) => void) | undefined;
  /** Called for each message of the client. Set by the SDK server. */
  onmessage: ((message: JsonRpcMessage, extra?: MessageExtra) => void) | undefined;
  /**
   * Lets the client be heard, and hear. SDK servers call it from `connect()`.
   *
   * @throws Error when called twice.
   */
  start(): Promise<void>;
  /**
   * Sends a message to the client.
   *
   * Resolves when the socket took it or its bounded queue has room; with a slow reader that is
   * later, so awaiting it keeps the memory flat. Rejects when nobody can hear it.
   */
  send(message: unknown, options?: SendOptions): Promise<void>;
  /** Ends the session. Safe to call twice. */
  close(): Promise<void>;
  /**
   * Sets who says what callers lack for a request: it is asked before the server gets a message.
   * An `McpServer` of SDK v2 calls this from `connect()`, for its `scopeChallenge`s. Whoever wraps
   * a transport hands it on, or nobody asks.
   */
  setScopeChallengeResolver(resolver: ScopeChallengeResolver): void;
  /** What `JSON.stringify` shows. */
  toJSON(): SessionSummary;
}

/**
 * What an SDK server is connected to: the `Transport` of either SDK major, over one session. It is
 * neither SDK's type, so that none of them must be installed for the other.
 */
export interface McpTransport extends McpTransportBase {
  /** The session's id, by which the client names it. */
  readonly sessionId: string;
}

/** An SDK server of either major; only these two methods are used. */
export interface McpServerLike {
  /** Sets the transport's listeners, and starts it. */
  connect(transport: McpTransport): Promise<void>;
  /** Is called when the session has ended. */
  close(): Promise<void>;
}

/** Makes the SDK server of a session. */
export type ServerFactory = (
  session: SessionInfo<Principal | undefined>,
) => McpServerLike | Promise<McpServerLike>;
