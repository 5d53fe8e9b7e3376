import type { JsonRpcResponse } from "../shared/json-rpc.js";

/**
 * What became of a call: the answer to it, or why there is none. `denied` for one that its server never got,
 * `failed` for one that it did not take.
 */
export type CallEnd = JsonRpcResponse | "denied" | "cancelled" | "lost" | "failed";

/** Somebody wants to know what becomes of a call. */
export interface WatchedCall {
  /** Only the first end counts. */
  end(how: CallEnd): void;
}
