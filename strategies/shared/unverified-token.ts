import { MAX_CREDENTIAL_LENGTH } from "../../src/auth/auth-method.js";
import type { TokenClaims } from "./token-claims.js";

/** What a JWT says before anyone has checked whether it may say so. */
export interface UnverifiedToken {
  readonly header: TokenClaims;
  readonly claims: TokenClaims;
}

/**
 * Reads a token that has the form of a signed JWT; `undefined` for every other token.
 *
 * The result decides who is asked about the token, and never who the caller is.
 *
 * @see RFC 7515, section 7.1
 */
export function readUnverified(token: string): UnverifiedToken | undefined {
  if (token.length > MAX_CREDENTIAL_LENGTH) return undefined;
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.slice(0, 2).map(readPart);
  if (header === undefined || claims === undefined) return undefined;
  return "alg" in header ? { header, claims } : undefined;
}

/** An object that a part of a JWT encodes. */
export function readPart(part: string): TokenClaims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as TokenClaims) : undefined;
  } catch {
    return undefined;
  }
}
