import type { PendingWork } from "../shared/pending-work.js";
import type { LeftSession } from "./moved-session.js";
import type { RouterSession } from "./router-session.js";

/**
 * Whoever makes this node's sessions known to the others. `undefined` in a router without `cluster`.
 */
export interface SessionKeeper {
  /** Joins the other nodes. Only the first time: it is called for each request, since a router that nobody uses must not. */
  join(): void;
  /**
   * Resolves when this node has joined.
   *
   * @throws McpSseError 503 when it has not, for the time that a request may wait for that. It goes on trying.
   */
  ready(): Promise<void>;
  /**
   * Makes a session known, before its client hears of it: the first message may come in at any node. It is
   * known until it has ended, with all that changes ({@link Session.remember}) and with the calls that are open
   * ({@link CallWatch}). One that was at another node before is known already, by `isMoved`; if it ends
   * as `failed-to-open`, others may try.
   *
   * Security decision: it ends at once if everything of its owner was ended, at any node, after its caller was
   * verified.
   *
   * @param since when that was, in milliseconds since the epoch.
   * @throws McpSseError 503 when the engine is away.
   */
  register(session: RouterSession, since: number): Promise<void>;
  /**
   * Whether what is here is certain to be nowhere else: it was not out of touch for so long that other
   * nodes may have gone on with it. Cheap: it is asked for each request.
   */
  readonly isCertain: boolean;
  /**
   * Looks whether a session that was found here is still here, where that {@link isCertain not certain}. One
   * that went on at another node ends.
   *
   * @returns whether it is.
   * @throws McpSseError 503 when nobody can tell.
   */
  confirm(session: RouterSession): Promise<boolean>;
  /** Whether sessions go on at other nodes. */
  readonly movesSessions: boolean;
  /** Tells the other nodes that this one is being closed: it takes no session over any more. */
  drain(): void;
  /**
   * Gives a session to the other nodes, since this one is being closed.
   *
   * @param leave ends the session here and says all that it takes to go on with it, in one step, so that
   * nothing is lost between. Called at most once, as soon as it is certain that the others can be told; what
   * it returns is written until that is done. Requests for the session wait meanwhile. It returns
   * `undefined`, and has changed nothing, where the session cannot leave at this moment.
   * @returns whether it has left; `false`: it goes on here, and may be asked to leave again. It does not reject.
   */
  handOver(session: RouterSession, leave: () => LeftSession | undefined): Promise<boolean>;
  /** Resolves when no session is about to come here from another node, or to leave. */
  whenStill(): Promise<void>;
  /**
   * All sessions have left, or ended. Resolves when this node is none of the cluster any more, at the latest in time.
   *
   * @param relayed what other nodes answer through this one: it goes when nothing of that is left.
   */
  stop(timeoutMs: number, relayed: PendingWork): Promise<void>;
}
