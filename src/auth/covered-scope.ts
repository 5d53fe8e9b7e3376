import type { ScopeRule } from "./auth-method.js";

/**
 * Whether the scopes of a caller cover one.
 *
 * Security decision: a scope counts as granted only when the rule says so for that one scope;
 * nothing is inferred from prefixes or order. @see RFC 6749, section 3.3
 *
 * @param rule of the method that let the caller in.
 * @throws whatever the rule throws.
 */
export function isCovered(
  scope: string,
  granted: readonly string[],
  rule: ScopeRule | undefined,
): boolean {
  if (rule?.satisfies === undefined) return granted.includes(scope);
  // Compared with `true`, because the promise of an async function is truthy whatever it resolves to.
  return (rule.satisfies(scope, granted) as unknown) === true;
}
