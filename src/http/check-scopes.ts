import { documentOf } from "../policy/scope-challenge.js";
import type { ScopeChallenge } from "../policy/scope-check.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { MessageExtra } from "./mcp-transport.js";
import { lacksScopes } from "./refused-caller.js";
import type { CarriedSession } from "./session-transport.js";

/**
 * Asks the server of a session that no router serves whether a message may be sent to it.
 *
 * @returns a promise only where it takes its time: else the server gets the message at once, as from
 * the SDK's classes.
 * @throws RefusedCaller for a caller who lacks scopes; a promise may reject with it.
 */
export function checkScopes(
  { scopeCheck }: Pick<CarriedSession, "scopeCheck">,
  message: JsonRpcMessage,
  extra: MessageExtra | undefined,
): Promise<void> | undefined {
  const check = (lacking: ScopeChallenge | undefined): void => {
    if (lacking === undefined) return;
    const { authInfo } = extra ?? {};
    throw lacksScopes(lacking, authInfo?.scopes ?? [], [], documentOf(authInfo));
  };
  const asked = scopeCheck?.(message, extra);
  if (asked instanceof Promise) return asked.then(check);
  check(asked);
  return undefined;
}
