import type { IncomingMessage } from "node:http";
import { ownerKey, principalOf } from "../auth/principal.js";
import { mayContinue, NO_RULES } from "../session/continuation.js";
import type { Requester } from "../session/requester.js";

/**
 * Who made a request to a route of the application's own; `undefined` where that is not known here.
 * It is if this package has authenticated them: `router.guard`, or an `authInfoFor`.
 */
export function knownCaller(request: IncomingMessage): Requester | undefined {
  const principal = principalOf(request);
  return principal && { ownerKey: ownerKey(principal), principal, request };
}

/**
 * Whether a request may go on with a session that is served on a route of the application's own.
 *
 * Security decision: whose it is, only its opener can say. If that is known, nobody else has it, nor
 * does who is not known. If it is not, there is nothing to compare: an `AuthInfo` of others names a
 * client, which many people share, and a token, which changes.
 */
export function isOpeners(opener: Requester | undefined, request: IncomingMessage): boolean {
  if (opener === undefined) return true;
  const asker = knownCaller(request);
  return asker !== undefined && mayContinue("message", asker, opener, NO_RULES);
}
