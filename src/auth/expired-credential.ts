/**
 * Cause of an `invalid_token` error for a credential that was good until it expired. Who sends
 * one is not guessing, so it does not count towards `throttle`:
 * `new McpSseError("invalid_token", "the key has expired", { cause: EXPIRED_CREDENTIAL })`.
 *
 * @example
 * ```ts
 * // In a strategy of your own: the client is told that the token has expired, and gets a new one.
 * strategy.fail(new McpSseError("invalid_token", "the key has expired", { cause: EXPIRED_CREDENTIAL }));
 * ```
 */
export const EXPIRED_CREDENTIAL = Symbol("expired");
