import type { JsonRpcId } from "../shared/json-rpc.js";
import type { RouterSession } from "./router-session.js";

/**
 * Whoever makes this node's sessions known to the others. `undefined` in a router without `cluster`.
 */
export interface SessionKeeper {
  /**
   * Makes a session known, before its client hears of it: the first message may come in at any node. It is
   * known until it has ended.
   *
   * @throws McpSseError 503 when the engine is away, 429 when its owner has too many, in all nodes.
   */
  register(session: RouterSession): Promise<void>;
  /** What another node needs to go on with the session has changed: written down soon, many in one exchange. */
  noteChange(session: RouterSession): void;
  /**
   * Writes down that a call is open, so that another node can say of it that it was lost.
   *
   * @param place by which its client may come back for the answer, on a wire where that is not the
   * session's own stream.
   * @returns a promise that resolves when it is written, or cannot be now: then the call goes on all the
   * same. `undefined` where nobody waits for that.
   */
  noteCall(session: RouterSession, id: JsonRpcId, place?: number): Promise<void> | undefined;
  /** The client is known to have the answer to a call, or will not come for it. */
  noteCallDone(session: RouterSession, id: JsonRpcId): void;
}
