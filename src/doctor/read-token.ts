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

/** Claims that access tokens have, and ID tokens have not. */
const PERMITTING = ["scope", "scp", "permissions", "client_id", "cid", "appid", "azpacr"];

/** Values of the header's `typ` that say nothing, or that it is an access token. */
const ACCESS_TYPES = /^(?:application\/)?at\+jwt$/i;
const PLAIN_TYPES = /^(?:application\/)?jwt$/i;

/**
 * What a token is for, as far as it shows. The strategies refuse the same ones, and do not say which
 * it was.
 *
 * @see RFC 9068, section 2.1; OpenID Connect Core 1.0, section 2
 */
function purposeOf(header: Members, claims: Members): TokenPurpose {
  const { typ } = header;
  const type = typeof typ === "string" ? typ : "";
  if (/^(?:application\/)?logout\+jwt$/i.test(type) || "events" in claims) return "logout";
  const named = namedPurpose(claims);
  if (named !== undefined) return named;
  if (hasIdTokenClaims(claims)) return "id";
  if (ACCESS_TYPES.test(type)) return "access";
  if (type !== "" && !PLAIN_TYPES.test(type)) return "other";
  return permits(claims) ? "access" : "unknown";
}

/** What the issuer calls it: Keycloak in `typ`, Cognito and Hydra in `token_use`, others elsewhere. */
function namedPurpose(claims: Members): TokenPurpose | undefined {
  const names = ["typ", "token_use", "token_type", "tokenType", "type"].map((name) => claims[name]);
  const has = (pattern: RegExp): boolean =>
    names.some((name) => typeof name === "string" && pattern.test(name));
  if (has(/^(?:refresh|offline|refresh[-_]?token)$/i)) return "refresh";
  if (has(/^id[-_]?token$/i) || claims["typ"] === "ID" || claims["token_use"] === "id") return "id";
  if (has(/^logout$/i)) return "logout";
  if (has(/^(?:access|access[-_]?token)$/i) || claims["typ"] === "Bearer") return "access";
  return undefined;
}

function hasIdTokenClaims(claims: Members): boolean {
  if ("at_hash" in claims || "c_hash" in claims) return true;
  if (permits(claims)) return false;
  const { aud, azp } = claims;
  return "nonce" in claims || "auth_time" in claims || (azp !== undefined && azp === aud);
}

function permits(claims: Members): boolean {
  return PERMITTING.some((name) => name in claims);
}

/** Whether only the holder of some key may use the token. @see RFC 7800, section 3.1; RFC 9449 */
export function isBoundToKey(claims: Members): boolean {
  return "cnf" in claims;
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
