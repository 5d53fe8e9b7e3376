import type { Requester } from "../session/requester.js";
import { McpSseError } from "../shared/errors.js";
import type { RouterSession, Sessions } from "./router-session.js";
import type { AdmittedRequest } from "./incoming-request.js";

/**
 * The session with an id, if a request may go on with it.
 *
 * @throws McpSseError 404 that is the same for another's session and for none.
 */
export function findSession(
  sessions: Sessions,
  id: string,
  request: AdmittedRequest,
): RouterSession {
  const session = sessions.find(id, requesterOf(request));
  if (session === undefined) throw sessionNotFound();
  return session;
}

/** Who made a request, where and how: what decides which sessions it may go on with. */
export function requesterOf({ req, caller, mount }: AdmittedRequest): Requester {
  const { ownerKey, principal } = caller;
  return { ownerKey, principal, mount: mount.routedBase, request: req };
}

export function sessionNotFound(): McpSseError {
  return new McpSseError("session_not_found", "There is no such session: open a new stream.");
}
