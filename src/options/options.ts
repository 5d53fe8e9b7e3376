import type { Logger } from "../shared/logger.js";
import type { SSEServerTransport } from "../sse/sse-server-transport.js";

/** Which browser pages may call. */
export interface CorsOptions {
  /**
   * Origins as browsers send them: `"https://app.example.com"`, or `"*"` for every page.
   * Empty entries are dropped. Default: none; a page of the server's own origin is always allowed.
   */
  allowOrigins?: readonly string[];
  /** Whether browsers may send cookies along. Never together with `"*"`. Default: false. */
  credentials?: boolean;
}

/** Times and bounds of a session. */
export interface SessionOptions {
  /** Milliseconds that `createServer` and `setup` may take; then the client gets 503. Default: 10000 (10 seconds). */
  openTimeoutMs?: number;
  /**
   * Bytes that may wait for a slow reader before `send` waits too. When as many again wait from
   * senders that do not wait themselves, such as the answers to calls, a reader that takes nothing
   * for 15 seconds loses its stream. Default: 4194304 (4 MiB).
   */
  maxQueuedBytes?: number;
  /** Milliseconds after which a reader that takes nothing of what waits for it loses its stream; 0 for never. Default: 30000 (30 seconds). */
  stallMs?: number;
  /**
   * Sessions in all. When there are as many, the caller's own session that has been idle for the
   * longest time makes room; without one the answer is 503. 0 for no limit. Default: 10000.
   */
  maxSessions?: number;
  /**
   * Sessions of one principal. When there are as many, the one that has been idle for the longest
   * time makes room; without one the answer is 429. On an open endpoint, where nobody is known,
   * it does not apply. 0 for no limit. Default: 100.
   */
  maxSessionsPerPrincipal?: number;
  /**
   * Streams of one principal whose client has sent nothing yet. They do not count as sessions;
   * the oldest makes room for the next. On an open endpoint as many are kept as there may be
   * sessions. 0 for no limit. Default: 100.
   */
  maxUninitialized?: number;
  /** Milliseconds that a client may take to send its first message, before its stream ends; 0 for ever. Default: 60000 (1 minute). */
  initTimeoutMs?: number;
  /**
   * Milliseconds that a session may be without any message in either direction, before it ends.
   * What keeps a stream alive is no message, and a session with a call in flight is not idle.
   * 0 for ever. Default: 86400000 (1 day).
   */
  idleMs?: number;
  /** Milliseconds that a session may last, before it ends, even with calls in flight; 0 for ever. Default: 0. */
  lifetimeMs?: number;
  /**
   * Requests of one session that have no answer yet; one more is answered 429. Answers and
   * notifications are always taken. 0 for no limit. Default: 100.
   */
  maxInFlight?: number;
  /**
   * Claims that must not differ from those with which a session was opened: a credential of the
   * same subject that says another organisation, tenant or role finds no session, and begins its
   * own. Compared as values; the order of a list of texts does not matter. Name every claim that
   * `createServer` or a tool reads from `session.principal`. `[]` for none. Default: the usual names,
   * see README.
   */
  boundClaims?: readonly string[];
  /**
   * Request headers that must not differ from those with which a session was opened, on every GET
   * and POST of it: those that `createServer` reads from `session.request`, such as `["X-Tenant"]`.
   * Clients have to send them with both. Default: none.
   */
  boundHeaders?: readonly string[];
  /**
   * Milliseconds that may pass between two pieces of a body; all of it may take four times as
   * long. Then the POST is answered 408. Default: 30000 (30 seconds).
   */
  bodyTimeoutMs?: number;
  /**
   * Bytes of memory that may be held for all callers: bodies, calls that are not answered, answers
   * that wait, and what is kept until it is acknowledged. At three quarters, those who use more
   * than an equal share wait, and are answered 429 after ten seconds; what was taken is answered.
   * Beyond it, whoever uses most loses a session. 0 for no limit: then callers can fill the
   * memory. Default: half of what the heap may have, for all routers of the process together; a
   * router that names a number has that for itself: at least twice `maxMessageSize`.
   */
  maxHeldBytes?: number;
  /**
   * The same for one principal, on an open endpoint for one session. 0 for no limit of its own.
   * Default: half of `maxHeldBytes`.
   */
  maxHeldBytesPerPrincipal?: number;
  /**
   * What happens to an open stream when its owner's credential expires: `"end-stream"` ends it,
   * so that the client comes back with a new one; `"keep"` leaves it open. A newer credential of
   * the same principal on any POST prolongs the stream, and a POST with an expired one is refused
   * either way. Default: `"end-stream"`.
   */
  onTokenExpiry?: "end-stream" | "keep";
  /**
   * Milliseconds for which a verified credential needs no second verification on the POSTs of its
   * session, if every byte of it is the same. Expiry is looked at each time, and what may be
   * revoked at any moment is asked each time: introspected tokens, API keys of a `verify`
   * function, other Passport strategies. 0 verifies every request. Default: 30000 (30 seconds).
   */
  revalidateAfterMs?: number;
}

/**
 * What happens when a stream is cut: the session waits for its client, keeps what is sent
 * meanwhile, and goes on where it was.
 */
export interface ResumeConfig {
  /** Milliseconds for which a session waits. Default: 60000 (1 minute). */
  graceMs?: number;
  /**
   * Bytes of messages that are kept for a client until it is known to have them. More than that
   * while it is away ends the session; while it listens, the oldest are forgotten. Default:
   * 1048576 (1 MiB).
   */
  maxBufferedBytes?: number;
  /** Milliseconds after which clients come back to a stream that was cut. Default: 1000 (1 second). */
  retryMs?: number;
  /** Milliseconds for which a returning client may take to show which session is its own. Default: 2000 (2 seconds). */
  probeMs?: number;
  /**
   * Whether a client that goes on as if its session were there, although it is gone, is made to
   * close, so that its calls fail at once and not at their time-out. Default: true.
   */
  closeLostClients?: boolean;
}

/**
 * How many bad credentials one address may send. Callers with a good one are never affected, nor
 * are those who send none, or one that has merely expired. Beyond that, no issuer is asked about a
 * token of that address that was never good before: it is answered 429, too.
 */
export interface ThrottleConfig {
  /** Refused credentials within the window; further ones are answered 429 instead of 401. Default: 20. */
  maxFailures?: number;
  /** Milliseconds that a window lasts, from the first refused credential on. Default: 60000 (1 minute). */
  windowMs?: number;
}

/** Options that the router and `MCPServer` share. */
export interface SseOptions {
  /** Path of the event stream, below the mount. Default: `"/sse"`. */
  endpoint?: string;
  /** Path that messages are posted to, below the mount. Default: `"/messages"`. */
  messageEndpoint?: string;
  cors?: CorsOptions;
  /** Largest POST body: bytes, or text such as `"4mb"`. Default: `"4mb"`. */
  maxMessageSize?: number | string;
  /** Headers for every answer of the endpoint, for example `Strict-Transport-Security`. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /**
   * URL under which clients reach the mount, when a proxy changes it:
   * `"https://api.example.com/mcp"`. Default: derived from each request's path.
   */
  publicUrl?: string;
  /**
   * `Host` values that are served, with or without port. Default: on loopback the loopback names
   * and `publicUrl`'s, elsewhere any.
   */
  allowedHosts?: readonly string[];
  /** Milliseconds of silence after which a comment keeps the stream alive; 0 for none. Default: 15000 (15 seconds). */
  keepAliveMs?: number;
  sessions?: SessionOptions;
  /** How sessions outlive their streams; `false`: they do not. Default: see {@link ResumeConfig}. */
  resume?: ResumeConfig | false;
  /**
   * How many bad credentials one address may send; `false`: any number. An address is the peer's,
   * or the one that a proxy names which the app trusts (`trust proxy`); of IPv6 the /64 network.
   * Default: see {@link ThrottleConfig}.
   */
  throttle?: ThrottleConfig | false;
  /**
   * Gets a line for each refusal, warning and session; `false` for silence. Default: the router is
   * silent; `MCPServer` writes all but details to the standard error stream.
   */
  logger?: Logger | false;
}

/** An SDK server of either major; only these two methods are used. */
export interface McpServerLike {
  connect(transport: SSEServerTransport): Promise<void>;
  close(): Promise<void>;
}
