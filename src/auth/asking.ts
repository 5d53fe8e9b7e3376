import { McpSseError } from "../shared/errors.js";

/** Requests about whose credentials nobody may be asked. A note beside them: they are the app's. */
const unasked = new WeakSet<object>();

/**
 * Has the methods verify a request's credentials by what they know already.
 *
 * Security decision: whoever comes from an address that has sent too many bad credentials makes no
 * issuer work for invented ones any more. A credential that can be verified without asking anybody, or
 * that was good before, is verified as ever.
 */
export function forbidAsking(req: object): void {
  unasked.add(req);
}

/** Whether somebody else may be asked about a credential of this request that was never good before. */
export function mayAsk(req: object): boolean {
  return !unasked.has(req);
}

/** Refuses a credential that nobody was asked about: it may be good, so it is not called bad. */
export function notAsked(): McpSseError {
  return new McpSseError("too_many_failures", "nobody was asked about the credential");
}
