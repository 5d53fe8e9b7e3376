import {
  checkMilliseconds,
  checkTextList,
  checkText,
  optionError,
} from "../../src/shared/check.js";
import type { AuthMethod } from "../../src/auth/auth-method.js";
import { isToken } from "../../src/shared/http-syntax.js";
import { isLocalToNode } from "../../src/shared/loopback.js";

/** Options that every method takes. */
export interface CommonOptions {
  /**
   * Scopes that every caller needs; 403 `insufficient_scope` for a credential that lacks one.
   * Default: none.
   *
   * @see RFC 6749, section 3.3
   */
  readonly scopes?: readonly string[];
  /**
   * Milliseconds that checking a credential may take before the answer is 503. From 1.
   * Default: 10000 (10 seconds).
   */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** The members of an {@link AuthMethod} that stand for the {@link CommonOptions}. */
export function commonMembers(
  options: CommonOptions,
  path: string,
): Pick<AuthMethod, "scopes" | "timeoutMs"> {
  // Written but undefined, as with a setting that was not found, would switch the check off.
  const { scopes } = options as { scopes?: unknown };
  if ("scopes" in options && scopes === undefined) checkText(`${path}.scopes`, undefined);
  const required = checkScopes(`${path}.scopes`, scopes);
  return {
    ...(required !== undefined && { scopes: { required } }),
    timeoutMs: checkMilliseconds(`${path}.timeoutMs`, options.timeoutMs, DEFAULT_TIMEOUT_MS),
  };
}

/** A choice that is off unless it is `true`. */
export function checkFlag(option: string, value: unknown = false): boolean {
  if (typeof value === "boolean") return value;
  throw optionError(option, "must be true or false", "The default is false.");
}

/** Scope names, one each. @see RFC 6749, section 3.3 */
export function checkScopes(option: string, value: unknown): readonly string[] | undefined {
  const scopes = checkTextList(option, value);
  for (const scope of scopes ?? []) {
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) {
      throw optionError(
        option,
        "holds something that is no scope name",
        'Write one entry for each scope, without spaces: ["mcp:read", "mcp:write"].',
      );
    }
  }
  return scopes;
}

/** The name of a header field. @see RFC 9110, section 5.1 */
export function checkHeaderName(option: string, value: string): string {
  if (!isToken(value)) {
    throw optionError(option, "is not a header name", 'Write one such as "X-API-Key".');
  }
  return value;
}

/**
 * The URL of something that an issuer publishes.
 *
 * Security decision: only https, because whoever can change the answer on its way decides who is
 * let in. Plain http is for loopback, where nobody is on the way.
 */
export function checkIssuerUrl(option: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined) {
    throw optionError(
      option,
      "is not a URL",
      "Write it in full, https:// included. If part of it comes from the environment: is that set?",
    );
  }
  const isSafe =
    url.protocol === "https:" || (url.protocol === "http:" && isLocalToNode(url.hostname));
  if (!isSafe) {
    throw optionError(option, "must be an https URL", "Plain http is allowed to loopback only.");
  }
  if (url.username !== "" || url.password !== "") {
    throw optionError(option, "must not contain a user name or password", "Leave them out.");
  }
  return value;
}
