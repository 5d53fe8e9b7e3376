import type { AuthMethod } from "./auth-method.js";
import type { Principal } from "./principal.js";

/** The revision of a success; a method that cannot tell it now must be asked each time. */
export function revisionOf(
  method: AuthMethod | undefined,
  principal: Principal,
  info: unknown,
): unknown {
  try {
    return method?.revision?.(principal, info);
  } catch {
    return undefined;
  }
}
