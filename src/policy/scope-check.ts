import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** What a caller lacks for a request. */
export interface ScopeChallenge {
  /** All that the request needs. */
  readonly scopes: readonly string[];
  /** Why, in words for the client. Default: none. */
  readonly errorDescription?: string;
}

/**
 * What a session's own server says that a caller lacks for a message, asked before it gets it, and after what its
 * operator says: see `policy.ts`.
 *
 * **You implement** one function; today that is `findScopeChallenge`. Every transport calls it for each message, when
 * it is certain that the sender may go on with the session: `MessageReceiver` for messages that are posted,
 * `SSEServerTransport` for those that are handed to it.
 *
 * | result | what becomes of the message |
 * |---|---|
 * | `undefined` | the server gets it |
 * | a challenge | 403 `insufficient_scope` that names the scopes; the server does not hear of it |
 * | a promise of one of the two | it waits; where sessions have owners it is refused after all if its sender's rights have changed meanwhile |
 * | a throw, or a rejection | it is refused with that `McpSseError`, or with 500; the server does not hear of it |
 *
 * It must not change the message, and what it keeps of it must be bounded.
 *
 * @param extra what accompanies the message: the caller's `authInfo`, and the request.
 */
export type ScopeCheck<E> = (
  message: JsonRpcMessage,
  extra: E,
) => ScopeChallenge | undefined | Promise<ScopeChallenge | undefined>;
