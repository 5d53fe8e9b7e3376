import { hasStanding, standingOf } from "./continuation.js";
import type { Continuing, ContinuationRules } from "./continuation.js";
import type { Requester } from "./requester.js";

/** Who may go on with a session, in each way, as digests: nobody can read from it who that is. */
export interface SessionStanding {
  readonly message: string;
  readonly listen: string;
  /** Those that its owner's credential held at least. */
  readonly scopes: readonly string[];
}

/** @returns `undefined` for claims that have no form in which they could be compared later. */
export function standingOfSession(
  opener: Requester,
  rules: ContinuationRules,
): SessionStanding | undefined {
  const message = standingOf(opener, rules, "message");
  const listen = standingOf(opener, rules, "listen");
  return (
    message && listen && { message: message.digest, listen: listen.digest, scopes: message.scopes }
  );
}

/**
 * Whether a request may go on with a session that is not here.
 *
 * Security decision: the directory says only what must be the same, and the caller of the request is the one
 * that this node has verified. A no is the answer for a session that does not exist, so it tells nothing.
 */
export function mayGoOn(
  by: Continuing,
  asker: Requester,
  standing: SessionStanding,
  rules: ContinuationRules,
): boolean {
  return hasStanding(asker, { digest: standing[by], scopes: standing.scopes }, rules, by);
}
