import * as opt from "../shared/option.js";
import { boundClaims, boundHeaders } from "./continuation-options.js";
import { heldBytes } from "./held-bytes.js";
import { RESTORE } from "./restore-options.js";
import type { RestoreConfig } from "./restore-options.js";
import { STREAM_OPTIONS } from "./stream-options.js";

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
   * Sessions in all, of this process; 0 for no limit. For one more, the caller's longest idle session is closed; if
   * there is none, the answer is 503. Default: 10000.
   */
  maxSessions?: number;
  /**
   * Sessions of one principal; 0 for no limit. For one more, a session is closed whose client never
   * listened, else one whose client is away, else the longest idle one; if there is none, the answer
   * is 429. On an open endpoint, where nobody is known, it does not apply. With `cluster` it counts in
   * all nodes. Default: 100.
   */
  maxSessionsPerPrincipal?: number;
  /** Milliseconds that a client may take to send its first message, before its stream ends; 0 for ever. Default: 60000 (1 minute). */
  initTimeoutMs?: number;
  /**
   * Milliseconds that a session may be without any message in either direction, before it ends; 0
   * for ever. What keeps a stream alive is no message, and a session with a call in flight is not
   * idle. Default: 86400000 (1 day).
   */
  idleMs?: number;
  /** Milliseconds that a session may last, before it ends, even with calls in flight; 0 for ever. Default: 0. */
  lifetimeMs?: number;
  /**
   * Requests of one session that have no answer yet; one more is answered 429; 0 for no limit.
   * Answers and notifications are always taken. Default: 100.
   */
  maxInFlight?: number;
  /**
   * Claims that must not differ from those with which a session was opened: a credential of the
   * same subject that says another organisation, tenant or role finds no session, and begins its
   * own. Compared as values; the order of a list of texts does not matter. Name every claim that
   * `createServer` or a tool reads from `session.principal`. `[]` for none. Default: the usual names
   * of organisation, tenant, role and group, see docs/identity-providers.md.
   */
  boundClaims?: readonly string[];
  /**
   * Request headers that must not differ from those with which a session was opened, on every GET
   * and POST of it: those that `createServer` reads from `session.request`, such as `["X-Tenant"]`.
   * Clients have to send them with both. With `cluster` none that holds a credential, which stays where it
   * comes in. Default: none.
   */
  boundHeaders?: readonly string[];
  /**
   * Milliseconds that may pass between two pieces of a body, before the POST is answered 408; all of
   * it may take four times as long. Default: 30000 (30 seconds).
   */
  bodyTimeoutMs?: number;
  /**
   * Bytes of memory that may be held for all callers: bodies, calls that are not answered, answers
   * that wait, and what is kept until it is acknowledged; 0 for no limit. At three quarters, those
   * who use more than an equal share wait, and are answered 429 after ten seconds; what was taken
   * is answered. Beyond it, whoever uses most loses a session. Security: without a limit callers
   * can fill the memory. Default: half of what the heap may have, for all routers of the process
   * together; a router that names a number has that for itself: at least twice `maxMessageSize`.
   */
  maxHeldBytes?: number;
  /**
   * The same for one principal, on an open endpoint for one session; 0 for no limit of its own.
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
   * Has sessions of Streamable HTTP go on after a restart, at another node, or after they made room: see
   * docs/deploying.md. Not for HTTP+SSE. Default: they do not; a client that comes back to one gets 404.
   */
  restore?: RestoreConfig;
  /** @deprecated Write `advanced.maxUninitialized`. */
  maxUninitialized?: number;
  /** @deprecated Write `advanced.revalidateAfterMs`. */
  revalidateAfterMs?: number;
}

/** {@link SessionOptions}. */
export const SESSIONS = opt.block({
  openTimeoutMs: opt.milliseconds(10_000),
  maxQueuedBytes: STREAM_OPTIONS.maxQueuedBytes,
  stallMs: STREAM_OPTIONS.stallMs,
  onTokenExpiry: opt.choice("end-stream", "keep"),
  boundClaims,
  boundHeaders,
  maxSessions: opt.wholeNumber("sessions", 10_000, "for no limit"),
  maxSessionsPerPrincipal: opt.wholeNumber("sessions", 100, "for no limit"),
  initTimeoutMs: opt.wholeNumber("milliseconds", 60_000, "for no limit"),
  idleMs: opt.wholeNumber("milliseconds", 86_400_000, "for no limit"),
  lifetimeMs: opt.wholeNumber("milliseconds", 0, "for no limit"),
  maxInFlight: opt.wholeNumber("calls", 100, "for no limit"),
  bodyTimeoutMs: opt.milliseconds(30_000),
  maxHeldBytes: heldBytes,
  maxHeldBytesPerPrincipal: heldBytes,
  restore: opt.optional(RESTORE),
  ...opt.movedTo("advanced", "maxUninitialized", "revalidateAfterMs"),
} satisfies opt.Declares<SessionOptions>);
