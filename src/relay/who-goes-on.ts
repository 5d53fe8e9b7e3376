import { requesterOf } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { TransportRoute } from "../http/transport.js";
import type { ContinuationRules } from "../session/continuation.js";
import type { Requester } from "../session/requester.js";
import { mayGoOn } from "../session/session-standing.js";
import type { Lane } from "./lanes.js";

/** A request that names a session which is not here. */
export interface Naming {
  readonly request: AdmittedRequest;
  readonly route: TransportRoute;
  /** See `Elsewhere.goOn`. */
  readonly listensAt: string | undefined;
}

/** What is known of that session. */
type Named = Pick<Lane, "transport" | "standing">;

/**
 * Whether a request may go on with a session.
 *
 * Security decision: a session of another wire is none, and so is one that the caller may not continue.
 * Where only its home can tell who may, it is asked.
 */
export function mayGoOnWith(
  { request, route, listensAt }: Naming,
  { transport, standing }: Named,
  rules: ContinuationRules,
): boolean {
  if (route.transport !== transport) return false;
  if (standing === undefined) return true;
  const asker = requesterOf(request);
  if (transport === "sse" && listensAt === undefined) {
    return mayGoOn("message", asker, standing, rules);
  }
  // All requests of another wire's session go to the URL at which it was begun.
  const path = listensAt ?? `${request.mount.base}${route.path}`;
  return mayGoOn("listen", { ...asker, path }, standing, rules);
}

/** Whether a session is one to which somebody may listen. */
export function mayListen(
  asker: Requester,
  { standing }: Pick<Named, "standing">,
  rules: ContinuationRules,
): boolean {
  return standing !== undefined && mayGoOn("listen", asker, standing, rules);
}

/**
 * Whether a request may take a lane. Most are like the one before, and need no digest for that.
 *
 * Security decision: a principal is frozen, and is another for another owner, so with the same one, at the same
 * URL and mount, everything is the same. Where headers count as well, or there is no principal, each is decided.
 */
export function mayTake(naming: Naming, lane: Lane, rules: ContinuationRules): boolean {
  const { request, route, listensAt } = naming;
  const isPlain = listensAt === undefined && rules.boundHeaders.length === 0;
  if (!isPlain) return mayGoOnWith(naming, lane, rules);
  const { url } = request.req;
  const { base, routedBase } = request.mount;
  const { principal } = request.caller;
  const { last } = lane;
  const isLikeLast =
    last?.route === route &&
    last.principal === principal &&
    last.base === base &&
    last.routedBase === routedBase &&
    last.url === url;
  if (isLikeLast && principal !== undefined) return true;
  if (!mayGoOnWith(naming, lane, rules)) return false;
  lane.last = { route, principal, base, routedBase, url };
  return true;
}
