import { MAX_CREDENTIAL_LENGTH } from "../auth/auth-method.js";
import { dateText, distanceText } from "./moment.js";
import { readPart, readUnverified } from "../../strategies/shared/unverified-token.js";

type Members = Readonly<Record<string, unknown>>;

/** What a signed token seems to be for. */
export type TokenPurpose = "access" | "id" | "refresh" | "logout" | "other" | "unknown";

/** What can be read of a token without a key. Nothing in it was verified. */
export type ReadToken =
  | {
      readonly form: "jwt";
      readonly header: Members;
      readonly claims: Members;
      readonly purpose: TokenPurpose;
    }
  /** An encrypted JWT: only its header can be read. @see RFC 7516 */
  | { readonly form: "encrypted"; readonly header: Members }
  /** Text that means something to its issuer only. */
  | { readonly form: "opaque" }
  | { readonly form: "too-long" };

/** Reads a token; it is not verified, and nobody is asked. */
export function readToken(token: string): ReadToken {
  if (token.length > MAX_CREDENTIAL_LENGTH) return { form: "too-long" };
  const unverified = readUnverified(token);
  if (unverified !== undefined) {
    return { form: "jwt", ...unverified, purpose: purposeOf(unverified.header, unverified.claims) };
  }
  const parts = token.split(".");
  const header = parts.length === 5 ? readPart(parts[0] ?? "") : undefined;
  return header !== undefined && "enc" in header
    ? { form: "encrypted", header }
    : { form: "opaque" };
}

/** Values of the header's `typ` that an access token may have: the first ones say that it is one. */
const ACCESS_TYPE = /^(?:application\/)?at\+jwt$/i;
const PLAIN_TYPE = /^(?:application\/)?jwt$/i;

/** Claims that access tokens have, and ID tokens have not. */
const PERMITTING = ["scope", "scp", "permissions", "client_id", "cid", "appid", "azpacr"];

/**
 * What a token is for, as far as it shows. What the strategies refuse as no access token is none here;
 * they do not say which other kind it is.
 *
 * @see RFC 9068, section 2.1; OpenID Connect Core 1.0, section 2
 */
function purposeOf({ typ }: Members, claims: Members): TokenPurpose {
  const type = typ === undefined ? "JWT" : typeof typ === "string" ? typ : "";
  if (/^(?:application\/)?logout\+jwt$/i.test(type) || "events" in claims) return "logout";
  if (!ACCESS_TYPE.test(type) && !PLAIN_TYPE.test(type)) return "other";
  const named = namedPurpose(claims);
  if (named !== undefined && named !== "access") return named;
  if (hasIdTokenClaims(claims)) return "id";
  const isAccess = named === "access" || ACCESS_TYPE.test(type);
  return isAccess || PERMITTING.some((name) => name in claims) ? "access" : "unknown";
}

/** What the issuer calls it: Keycloak in `typ`, Cognito and Hydra in `token_use`, others elsewhere. */
function namedPurpose(claims: Members): TokenPurpose | undefined {
  const { typ, token_use: use } = claims;
  const names = [typ, use, ...["token_type", "tokenType", "type"].map((name) => claims[name])];
  const has = (pattern: RegExp): boolean =>
    names.some((name) => typeof name === "string" && pattern.test(name));
  if (typ === "Refresh" || typ === "Offline" || has(/^refresh(?:[-_]?token)?$/i)) return "refresh";
  if (typ === "ID" || use === "id" || has(/^id[-_]?token$/i)) return "id";
  if (typ === "Logout") return "logout";
  if (use !== undefined && use !== "access" && use !== "access_token") return "other";
  return typ === "Bearer" || has(/^access(?:[-_]?token)?$/i) ? "access" : undefined;
}

function hasIdTokenClaims(claims: Members): boolean {
  if ("at_hash" in claims || "c_hash" in claims) return true;
  return "nonce" in claims && !("scope" in claims || "scp" in claims);
}

/** Whether only the holder of some key may use the token. @see RFC 7800, section 3.1; RFC 9449 */
export function isBoundToKey({ cnf, token_type: type }: Members): boolean {
  return cnf !== undefined || (typeof type === "string" && /^(?:dpop|pop|mac)$/i.test(type));
}

const PURPOSE_TEXT: Readonly<Record<TokenPurpose, string>> = {
  access: "an access token",
  id: "an ID token, which tells a client who signed in and permits nothing",
  refresh: "a refresh token, which only its issuer takes",
  logout: "a logout token, which tells a client that somebody signed out",
  other: "no access token, by its typ",
  unknown: "no scope or client says what it is for",
};

/** A token in a line: its form, what it seems to be for, and when it ends. */
export function describeToken(read: ReadToken, nowMs: number): string {
  switch (read.form) {
    case "jwt":
      return `a signed JWT: ${PURPOSE_TEXT[read.purpose]}${endText(read.claims["exp"], nowMs)}`;
    case "encrypted":
      return "an encrypted JWT (JWE), which only whom it is for can read";
    case "opaque":
      return "no JWT: an opaque token or a key, which means something to its issuer only";
    case "too-long":
      return `longer than ${MAX_CREDENTIAL_LENGTH} characters: no server takes it`;
  }
}

function endText(exp: unknown, nowMs: number): string {
  if (dateText(exp) === undefined) return "; it names no end";
  const atMs = (exp as number) * 1_000;
  return `; it ${atMs > nowMs ? "ends" : "ended"} ${distanceText(atMs, nowMs)}`;
}
