import { McpSseError, retryAfter } from "./errors.js";

/** A caller who was not let in: what they hear, and what the operator does. */
export class RefusedCaller extends Error {
  constructor(
    readonly reason: string,
    readonly answer: McpSseError,
  ) {
    super(reason);
  }
}

/** The answer to whatever went wrong. */
export function toAnswer(error: unknown): McpSseError {
  if (error instanceof RefusedCaller) return error.answer;
  if (error instanceof McpSseError) return error;
  return new McpSseError("server_error", "Something went wrong.", { cause: error });
}

/** @param waitMs milliseconds until its credentials are looked at in earnest again. */
export function tooManyFailures(address: string, waitMs: number): RefusedCaller {
  return new RefusedCaller(
    `too many credentials of ${address} were refused`,
    new McpSseError("too_many_failures", "Too many credentials were refused: wait.", {
      headers: retryAfter(waitMs / 1000),
    }),
  );
}
