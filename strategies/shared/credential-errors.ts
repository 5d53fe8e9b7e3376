import { EXPIRED_CREDENTIAL } from "../../src/auth/expired-credential.js";
import { LogNote } from "../../src/auth/log-note.js";
import { McpSseError, retryAfter } from "../../src/shared/errors.js";

/**
 * The credential is bad: another one is needed. `reason` repeats no value of it.
 *
 * @param note what the log says beside, and the caller is not told.
 */
export function invalidToken(reason: string, note?: string): McpSseError {
  const cause = note === undefined ? {} : { cause: new LogNote(note) };
  return new McpSseError("invalid_token", reason, cause);
}

/** The credential was good, and its time is over: that is no attempt to guess one. */
export function expired(reason: string): McpSseError {
  return new McpSseError("invalid_token", reason, { cause: EXPIRED_CREDENTIAL });
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
