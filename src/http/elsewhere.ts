import type { AdmittedRequest } from "./incoming-request.js";
import type { RouterSession } from "./router-session.js";
import type { TransportRoute } from "./transport.js";

/** It goes on here: it has been taken over from a node that is gone. */
export interface FoundHere {
  readonly kind: "here";
  readonly session: RouterSession;
}

/** There is none, or it is another's: one answer for both. */
export interface FoundNowhere {
  readonly kind: "none";
}

/** What became of a request that names a session which is not here. */
export type FoundElsewhere =
  | FoundHere
  | FoundNowhere
  /** Its node has answered, or is answering, the request's response. */
  | { readonly kind: "answered" };

/**
 * The sessions of other nodes, as this one's requests find them. `undefined` in a router without
 * `cluster`.
 *
 * Security decision: whose a session is, is compared here with what the directory says, so that
 * nobody makes another node work for them, and once more by the node that has the session.
 */
export interface Elsewhere {
  /**
   * Goes on with a session that is not in this process, for a request whose caller is known. One that is
   * about to be here is waited for.
   *
   * @param id by which the request names it.
   * @param route that would answer it if the session were here.
   * @param listensAt path at which the request would listen, as its client sees it, where it does not name the
   * session in the way of its wire. Default: it does.
   * @throws McpSseError 503 when nobody can tell whether there is one, or its node may have taken the
   * message and does not answer.
   */
  goOn(
    id: string,
    request: AdmittedRequest,
    route: TransportRoute,
    listensAt?: string,
  ): Promise<FoundElsewhere>;
  /**
   * The same for a request that another node has sent here, which goes no further: for `none` it looks
   * again where the session is.
   *
   * @param isToAdopt whether it asks this node to go on with the session if no node has it.
   */
  goOnRelayed(
    id: string,
    request: AdmittedRequest,
    route: TransportRoute,
    isToAdopt: boolean,
  ): Promise<FoundHere | FoundNowhere>;
  /** Resolves when it is written down where a session goes on that is leaving this node; at once for any other. */
  whenLeft(id: string): Promise<void>;
}
