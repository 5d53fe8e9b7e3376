import type { Requester } from "../session/requester.js";
import { McpSseError } from "../shared/errors.js";
import type { AdmittedRequest } from "./incoming-request.js";

/** Who made a request, where and how: what decides which sessions it may go on with. */
export function requesterOf({ req, caller, mount }: AdmittedRequest): Requester {
  const { ownerKey, principal } = caller;
  return { ownerKey, principal, mount: mount.routedBase, request: req };
}

export function sessionNotFound(): McpSseError {
  return new McpSseError("session_not_found", "There is no such session: begin a new one.");
}
