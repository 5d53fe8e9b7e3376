import { hash } from "node:crypto";
import type { PrincipalInit } from "../../src/auth/principal.js";
import { deepFreeze } from "../../src/shared/deep-freeze.js";

/** The payload of a verified token. @see RFC 7519, section 4 */
export type TokenClaims = Readonly<Record<string, unknown>>;

/**
 * The caller that a verified token speaks of.
 *
 * @param token The token itself; it becomes part of the principal only as a fingerprint, and
 * only when the token names no usable subject.
 */
export function principalOfClaims(claims: TokenClaims, token: string): PrincipalInit {
  return {
    id: identifierOf(claims["sub"]) ?? fingerprint(token),
    issuer: textOf(claims["iss"]),
    clientId: clientOf(claims),
    scopes: scopesOf(claims),
    expiresAt: Number.isFinite(claims["exp"]) ? (claims["exp"] as number) : undefined,
    claims: deepFreeze(claims),
  };
}

/** The client: `client_id` (RFC 9068, section 2.2), `azp` (OpenID Connect), `appid` (Entra v1), `cid` (Okta). */
function clientOf(claims: TokenClaims): string | undefined {
  const names = ["client_id", "azp", "appid", "cid"];
  return names.map((name) => identifierOf(claims[name])).find((id) => id !== undefined);
}

/**
 * A subject or client. Some issuers number theirs.
 *
 * Security decision: a number that is too large to be read exactly is none, since two of them
 * may read as one. @see RFC 7519, section 4.1.2; RFC 8259, section 6
 */
function identifierOf(value: unknown): string | undefined {
  return Number.isSafeInteger(value) ? String(value) : textOf(value);
}

/**
 * Stands for the caller of a token without a subject.
 *
 * Security decision: such a token owns sessions for itself alone. A common id for all of them
 * would let any one into the sessions of every other. But whoever holds one can write its signature
 * in several ways, and must not be several callers, each with limits of its own. So nothing counts
 * of it that can be changed: the last characters of its encoding have bits that mean nothing, and
 * the second half of an ECDSA signature has a twin that is as good.
 *
 * @see RFC 4648, section 3.5; SEC 1, section 4.1.4
 */
function fingerprint(token: string): string {
  const [header, payload, signature, ...more] = token.split(".");
  const isSigned = signature !== undefined && more.length === 0;
  const bytes = Buffer.from(signature ?? "", "base64url");
  const firm = bytes.subarray(0, bytes.length / 2).toString("hex");
  const text = isSigned ? `${header}.${payload}.${firm}` : token;
  return `token-${hash("sha256", text, "hex").slice(0, 32)}`;
}

/**
 * What the token permits, in the claims that issuers use for it: `scope` (RFC 8693, section 4.2),
 * `scp` (Microsoft, Okta) and `permissions` (Auth0). Each is read as text with spaces or as a list.
 */
export function scopesOf(claims: TokenClaims): readonly string[] {
  const all = [claims["scope"], claims["scp"], claims["permissions"]].flatMap(scopeList);
  return [...new Set(all)];
}

function scopeList(value: unknown): readonly string[] {
  if (typeof value === "string") return value.split(" ").filter((scope) => scope !== "");
  if (!Array.isArray(value)) return [];
  return value.filter((scope): scope is string => typeof scope === "string" && scope !== "");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
