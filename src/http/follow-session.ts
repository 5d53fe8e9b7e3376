import { goesOnElsewhere } from "../session/close-reason.js";
import { McpSseError } from "../shared/errors.js";
import type { ErrorCode } from "../shared/errors.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { leaveBody } from "../shared/was-read.js";
import type { AdmittedRequest } from "./incoming-request.js";
import { whenFinished } from "./response-end.js";
import type { RouterSession } from "./router-session.js";
import type { Shutdown } from "./shutdown.js";

/**
 * Whether a session has gone to another node before it took a message that was on its way to it, and is refused for
 * that. No server has the message, so it may follow.
 */
export function hasLeft({ closeReason }: RouterSession, error: unknown): boolean {
  if (!goesOnElsewhere(closeReason) || !(error instanceof McpSseError)) return false;
  return REFUSALS.includes(error.code);
}

const REFUSALS: readonly ErrorCode[] = ["session_closed", "session_not_found", "shutting_down"];

/** Sends a message after its session. @returns whether there is a way to do that. */
export function followSession(
  request: AdmittedRequest,
  message: JsonRpcMessage,
  { relayed }: Pick<Shutdown, "relayed">,
): boolean {
  const go = request.passOn ?? request.again;
  if (go === undefined || request.res.headersSent) return false;
  // Another node has sent it with its body, and still has that.
  if (request.relayedFor !== undefined) {
    go();
    return true;
  }
  // It needs this node until then, and may have to go past the application once more.
  relayed.add(whenFinished(request.res));
  void leaveBody(request.req, message).then(go);
  return true;
}
