import type { AuthMethod } from "../../src/auth/auth-method.js";
import { checkTextList, optionError } from "../../src/shared/check.js";
import { isScope } from "../../src/shared/http-syntax.js";
import { isSecureUrl } from "../../src/shared/loopback.js";
import * as opt from "../../src/shared/option.js";
import { parseUrl } from "../../src/shared/url.js";

/** Options that every method takes. */
export interface CommonAuthOptions {
  /**
   * Scopes that every caller needs; 403 `insufficient_scope` for a credential that lacks one.
   * Default: none.
   *
   * @see RFC 6749, section 3.3
   */
  readonly scopes?: readonly string[];
  /**
   * Milliseconds that checking a credential may take before the answer is 503. Default: 10000 (10
   * seconds).
   */
  readonly timeoutMs?: number;
}

/** {@link CommonAuthOptions}. */
export const COMMON_OPTIONS = {
  scopes: opt.neverUnset(scopeNames()),
  timeoutMs: opt.milliseconds(10_000),
} satisfies opt.Declares<CommonAuthOptions>;

/** The members of an {@link AuthMethod} that stand for the {@link CommonAuthOptions}. */
export function commonMembers({
  scopes,
  timeoutMs,
}: opt.Resolved<typeof COMMON_OPTIONS>): Pick<AuthMethod, "scopes" | "timeoutMs"> {
  return { ...(scopes !== undefined && { scopes: { required: scopes } }), timeoutMs };
}

/** By how much the clocks of issuer and server may differ. */
export const clockTolerance: opt.Option<number> = opt.number("seconds", 10, { min: 0, max: 300 });

/** Scope names, one each. @see RFC 6749, section 3.3 */
export function scopeNames(): opt.Option<readonly string[] | undefined> {
  return opt.custom("list of scopes", checkScopes);
}

function checkScopes(option: string, value: unknown): readonly string[] | undefined {
  const scopes = checkTextList(option, value);
  for (const scope of scopes ?? []) {
    if (!isScope(scope)) {
      throw optionError(
        option,
        "holds something that is no scope name",
        'Write one entry for each scope, without spaces: ["mcp:read", "mcp:write"].',
      );
    }
  }
  return scopes;
}

/**
 * The URL of a set of keys.
 *
 * Security decision: only https, because whoever can change the answer on its way decides who is
 * let in. Plain http is for loopback, where nobody is on the way.
 */
export function checkKeySetUrl(option: string, value: string): string {
  const url = parseUrl(value);
  if (url === undefined) {
    throw optionError(
      option,
      "is not a URL",
      "Write it in full, https:// included. If part of it comes from the environment: is that set?",
    );
  }
  if (!isSecureUrl(url)) {
    throw optionError(option, "must be an https URL", "Plain http is allowed to loopback only.");
  }
  if (url.username !== "" || url.password !== "") {
    throw optionError(option, "must not contain a user name or password", "Leave them out.");
  }
  return value;
}
