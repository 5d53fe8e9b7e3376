import type { JsonRpcId } from "../shared/json-rpc.js";

/**
 * Writes down which calls are open, so that another node could say of them that they were lost. Set where
 * there are other nodes.
 */
export interface CallWatch {
  /**
   * A call was taken whose answer its client may have to come back for.
   *
   * @param id as the client knows it.
   * @param place where it comes back for the answer, if not to the session's own stream.
   * @returns a promise that resolves when it is written, or cannot be now: then the call goes on all the same.
   * `undefined` where nobody waits for that.
   */
  opened(id: JsonRpcId, place?: number): Promise<void> | undefined;
  /** Its client is known to have the answer, or will not come for it. */
  over(id: JsonRpcId): void;
}
