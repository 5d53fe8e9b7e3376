/**
 * Everything that a request can be refused for: the error that carries its own HTTP response. What
 * a wrong option gets is in `check.ts`.
 */

/** Every code that an answer of this package can carry. Codes are stable; messages may be reworded. */
export type ErrorCode =
  // who is calling
  | "missing_credential"
  | "invalid_token"
  | "insufficient_scope"
  | "temporarily_unavailable"
  // what a policy says of it
  | "forbidden"
  | "rate_limited"
  | "policy_unavailable"
  // where from, and how
  | "host_not_allowed"
  | "origin_not_allowed"
  | "method_not_allowed"
  | "not_found"
  // which session
  | "session_id_required"
  | "session_not_found"
  | "session_closed"
  | "event_id_unknown"
  // what was sent
  | "unsupported_media_type"
  | "message_too_large"
  | "message_timeout"
  | "message_unreadable"
  | "message_not_json"
  | "message_invalid"
  | "not_acceptable"
  | "protocol_version_unsupported"
  // how much of something
  | "too_many_sessions"
  | "too_many_calls"
  | "too_many_bytes"
  | "too_many_failures"
  | "server_full"
  // the server behind the endpoint
  | "server_unavailable"
  | "outcome_unknown"
  | "server_error"
  | "shutting_down";

const STATUS: Readonly<Record<ErrorCode, number>> = {
  missing_credential: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  temporarily_unavailable: 503,
  forbidden: 403,
  rate_limited: 429,
  policy_unavailable: 503,
  host_not_allowed: 403,
  origin_not_allowed: 403,
  method_not_allowed: 405,
  not_found: 404,
  session_id_required: 400,
  session_not_found: 404,
  session_closed: 404,
  event_id_unknown: 400,
  unsupported_media_type: 415,
  message_too_large: 413,
  message_timeout: 408,
  message_unreadable: 400,
  message_not_json: 400,
  message_invalid: 400,
  not_acceptable: 406,
  protocol_version_unsupported: 400,
  too_many_sessions: 429,
  too_many_calls: 429,
  too_many_bytes: 429,
  too_many_failures: 429,
  server_full: 503,
  server_unavailable: 503,
  outcome_unknown: 503,
  server_error: 500,
  shutting_down: 503,
};

/** Response headers by name; an array is sent as one field line for each entry. */
export type ErrorHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What an {@link McpSseError} may carry beside its code and message. */
export interface McpSseErrorDetails {
  /** Headers that belong to the answer, for example `Retry-After`. Default: none. */
  readonly headers?: ErrorHeaders;
  /** What happened underneath, for the log: it never reaches the client, and its message must hold no credential. */
  readonly cause?: unknown;
}

/**
 * The one error class of this package.
 *
 * `message` is written for the client and names no internals, no credential and no value that
 * the client sent; what an operator needs beside it is in `cause`.
 *
 * @example
 * ```ts
 * router.ready().catch((error: unknown) => {
 *   if (error instanceof McpSseError) console.error(error.code, error.status, error.cause);
 * });
 * ```
 */
export class McpSseError extends Error {
  override readonly name = "McpSseError";
  readonly code: ErrorCode;
  /** HTTP status of the answer. */
  readonly status: number;
  readonly headers: ErrorHeaders;

  constructor(code: ErrorCode, message: string, details: McpSseErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.status = STATUS[code];
    this.headers = details.headers ?? {};
  }
}

/** When to come back after something whose end nobody knows, in seconds. */
export const RETRY_SOON_SECONDS = 5;

/** The `Retry-After` header for a time in seconds. @see RFC 9110, section 10.2.3 */
export function retryAfter(seconds = RETRY_SOON_SECONDS): ErrorHeaders {
  return { "Retry-After": String(Math.max(1, Math.ceil(seconds))) };
}
