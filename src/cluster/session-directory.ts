import type { Requester } from "../session/requester.js";

/**
 * Where an endpoint finds the sessions of this process that requests name: `LocalSessionRegistry`. The
 * pipeline asks for every request that names a session, when it is certain who sent it, and
 * `MessageReceiver` once more when something may have changed before a message is delivered. Of what is
 * not here, `http/elsewhere.ts` knows.
 *
 * Security decision: who may go on with a session is decided in here, by whoever has the session,
 * and the answer for another's session is the one for none. The caller is known by then, and is
 * never taken from what another node says.
 *
 * @see `session/continuation.ts` for what must be the same.
 */
export interface SessionDirectory<S> {
  /**
   * The session with an id, if a request of this sender may go on with it.
   *
   * @returns `undefined` for none, and for another's: the request is answered 404. A promise where
   * somebody else has to be asked; what it rejects with is the refusal, so an engine that cannot
   * tell rejects with an `McpSseError` 503, never with `undefined`.
   */
  find(id: string, requester: Requester): S | undefined | Promise<S | undefined>;
  /** Whether a request of this sender may go on with a session that was found before. At once. */
  takesFrom(session: S, requester: Requester): boolean;
}
