import type { SessionDirectory } from "../cluster/session-directory.js";
import type { Requester } from "../session/requester.js";
import { McpSseError } from "../shared/errors.js";
import type { AdmittedRequest } from "./incoming-request.js";

/**
 * The session with an id, if a request may go on with it.
 *
 * @returns a promise where the directory has to ask.
 */
export function lookUpSession<S>(
  directory: SessionDirectory<S>,
  id: string,
  request: AdmittedRequest,
): S | undefined | Promise<S | undefined> {
  return directory.find(id, requesterOf(request));
}

/**
 * The same where there must be one.
 *
 * @throws McpSseError 404 that is the same for another's session and for none.
 */
export function findSession<S>(
  directory: SessionDirectory<S>,
  id: string,
  request: AdmittedRequest,
): S | Promise<S> {
  const found = lookUpSession(directory, id, request);
  return found instanceof Promise ? found.then(orNotFound) : orNotFound(found);
}

function orNotFound<S>(session: S | undefined): S {
  if (session === undefined) throw sessionNotFound();
  return session;
}

/** Who made a request, where and how: what decides which sessions it may go on with. */
export function requesterOf({ req, caller, mount }: AdmittedRequest): Requester {
  const { ownerKey, principal } = caller;
  return { ownerKey, principal, mount: mount.routedBase, request: req };
}

export function sessionNotFound(): McpSseError {
  return new McpSseError("session_not_found", "There is no such session: begin a new one.");
}
