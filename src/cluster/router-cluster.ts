import type { Principal } from "../auth/principal.js";
import type { SessionInfo, SessionSummary } from "../session/session-info.js";
import type { PrincipalTest } from "../session/session-registry.js";
import type { ClusterNode, ClusterState } from "./cluster-bus.js";
import type { NamedCaller } from "./whose.js";

/** How long all nodes together may take to answer, in milliseconds. */
export const GATHER_MS = 1_000;

/** What a router of a cluster announces, as facts that have happened. */
export interface ClusterEvents {
  /** A session that was at another node goes on in this one; with that node, unless it had let go of it. */
  moved: [session: SessionInfo<Principal | undefined>, from: string | undefined];
  /** The engine is away, or does not deliver to this node. What is here goes on. */
  down: [];
  /** This node can be reached: for the first time, or again. */
  up: [];
  /** Another node is gone, or was not heard of for its lease. Its sessions go on where their clients come. */
  "node-lost": [node: string];
}

/** A session of one of the nodes. */
export interface ClusterSession extends SessionSummary {
  /** Where it is. */
  readonly node: string;
}

/** What {@link ClusterSessions.list} found. */
export interface ListedSessions {
  readonly sessions: readonly ClusterSession[];
  /** Nodes that did not answer within a second: what they have is not in the list. */
  readonly unreached: readonly string[];
}

/** What came of {@link ClusterSessions.closeFor}. */
export interface ClosedSessions {
  /** How many sessions, and requests of 2026-07-28, were ended in all. */
  readonly closed: number;
  /** Nodes where all of it has ended, this one among them. */
  readonly nodes: readonly string[];
  /**
   * Nodes that did not answer within a second. They are told once they can be, and end what they have at the
   * latest when they can reach the engine again. Empty: nothing is left.
   */
  readonly unreached: readonly string[];
}

/** The sessions of all nodes. */
export interface ClusterSessions {
  /**
   * All sessions, or those of somebody, as they are shown in logs: asks every node, and waits a second at
   * most. Requests of 2026-07-28 are not listed.
   *
   * @param of `principal`: whose. A principal, or `{ id }` for everybody with that id.
   */
  list(of?: { readonly principal?: Principal | NamedCaller }): Promise<ListedSessions>;
  /**
   * Ends every session of somebody, and every request of 2026-07-28, in all nodes, those included that are
   * being opened, or moved, at that moment. Withdraw their access first: it keeps nobody from coming back.
   *
   * A function is asked here, about the principals that the nodes know: whoever it means is ended with all
   * their sessions. It finds nobody whose node does not answer, or whose session is without one, as after
   * a hand-over that nobody has come back from yet. A principal, and `{ id }`, find these, too.
   *
   * @param whose a principal; `{ id }`, with `issuer` where ids of several may be the same, for everybody
   * with that id, through whichever client; or a function that says of each principal whether it is meant.
   * @throws TypeError for anything else.
   */
  closeFor(
    whose: Principal | NamedCaller | PrincipalTest<Principal | undefined> | undefined,
  ): Promise<ClosedSessions>;
}

/**
 * The nodes that serve an endpoint together, as one of them sees it.
 *
 * Routers make it, and nobody else: members may be added in a minor version.
 *
 * @example A readiness probe: no new connections while a node cannot be reached by the others, or leaves.
 * ```ts
 * app.get("/ready", (_req, res) => {
 *   const { state } = router.cluster ?? { state: "up" };
 *   res.status(state === "up" ? 200 : 503).json({ state });
 * });
 * ```
 */
export interface RouterCluster {
  /** This node's id, new each time that one is made. */
  readonly node: string;
  /**
   * `"joining"` until others can be heard; `"up"`; `"down"` while the engine is away, or does not deliver;
   * `"draining"` while `close()` hands the sessions over; `"closed"` after it.
   */
  readonly state: ClusterState;
  /** The nodes that there are, this one among them; at most a few seconds old. */
  nodes(): readonly ClusterNode[];
  readonly sessions: ClusterSessions;
  /** Calls `listener` at each `event`. A listener that throws is logged and changes nothing. */
  on<K extends keyof ClusterEvents>(event: K, listener: (...args: ClusterEvents[K]) => void): this;
  /** Takes a listener away again. */
  off<K extends keyof ClusterEvents>(event: K, listener: (...args: ClusterEvents[K]) => void): this;
  /** What `JSON.stringify` shows. */
  toJSON(): {
    readonly node: string;
    readonly state: ClusterState;
    readonly nodes: readonly ClusterNode[];
  };
}
