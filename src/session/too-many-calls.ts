import { McpSseError, retryAfter } from "../shared/errors.js";

/** When to call again, in seconds. */
const RETRY_AFTER_CALLS_SECONDS = 1;

/** @param whose which calls were counted. Default: all of the caller. */
export function tooManyCalls(whose = ""): McpSseError {
  const text = `Too many calls${whose} have no answer yet: wait for one.`;
  const headers = retryAfter(RETRY_AFTER_CALLS_SECONDS);
  return new McpSseError("too_many_calls", text, { headers });
}
