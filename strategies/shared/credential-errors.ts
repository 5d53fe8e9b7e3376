import { McpSseError, retryAfter } from "../../src/shared/errors.js";

/** The credential is bad: another one is needed. `reason` repeats no value of it. */
export function invalidToken(reason: string): McpSseError {
  return new McpSseError("invalid_token", reason);
}

/** Nothing can be said of the credential at the moment, so no client is told that it is bad. */
export function unavailable(
  message: string,
  cause: unknown,
  retryAfterSeconds?: number,
): McpSseError {
  const headers = retryAfter(retryAfterSeconds);
  return new McpSseError("temporarily_unavailable", message, { headers, cause });
}
