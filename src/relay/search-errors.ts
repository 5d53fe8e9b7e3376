import { McpSseError, retryAfter } from "../shared/errors.js";

/** For a search that came to nothing. */
export function notInTime(): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "The session cannot be reached: try again soon.",
    {
      headers: retryAfter(1),
    },
  );
}

/** For a session that has to leave, and has nowhere to go. */
export function noNodeStays(): McpSseError {
  return new McpSseError("shutting_down", "All servers are shutting down: try again soon.", {
    headers: retryAfter(),
  });
}
