import type { AdmittedRequest } from "../http/incoming-request.js";
import type { TransportRoute } from "../http/transport.js";

/** To whom a request goes, and about which session. */
export interface RelayTarget {
  /** Its node. */
  readonly node: string;
  /** Its id. */
  readonly session: string;
  /**
   * Whether that node is to go on with a session that no node has, since the one that asks takes none.
   * Default: it answers only if it has it, or is about to.
   */
  readonly isToAdopt: boolean;
}

/** What became of a request that was sent to another node. */
export type Relayed =
  /** Its response is that node's, or is going to be. */
  | { readonly kind: "answered" }
  /** The session is not there, or not for this caller: nothing was done, and the request can be read once more. */
  | { readonly kind: "not-here" }
  /**
   * Nobody has answered.
   *
   * @see ExchangeLoss for `mayBeHeard`. Where it is `false`, the request can be read once more.
   */
  | { readonly kind: "lost"; readonly mayBeHeard: boolean };

/** Sends requests to the nodes that have their sessions, and their responses back. */
export interface RequestRelay {
  /**
   * Relays a request whose caller is known.
   *
   * @param route that would answer it here.
   * @throws McpSseError where it cannot be relayed at all, such as for a body that is too large.
   */
  relay(request: AdmittedRequest, route: TransportRoute, target: RelayTarget): Promise<Relayed>;
  /**
   * A session is at another node now: ends those of its responses that come from elsewhere, so that their
   * clients come back.
   */
  cut(session: string, home: string): void;
  /** This node goes: ends all streams on which clients listen, so that they come back to others. Calls are left alone. */
  endStreams(): void;
}
