import type { McpSseError } from "../../src/shared/errors.js";
import { invalidToken } from "./credential-errors.js";
import type { TokenClaims } from "./token-claims.js";

/**
 * What kind of token something is: signed by the right key is not yet meant for getting in here.
 *
 * Security decision: an issuer signs tokens of several kinds with the same keys. Whoever holds one
 * of another kind (a client the user ever signed in to, a party that is told of sign-outs) must not
 * get in with it; nor whoever has a copy of a token that only its rightful holder can use.
 *
 * @throws McpSseError `invalid_token` for the claims of anything but a bearer access token.
 * @see RFC 8725, sections 3.11 and 3.12
 */
export function checkTokenKind(claims: TokenClaims): void {
  if (isOtherKindOfToken(claims)) throw notAnAccessToken();
  if (isBoundToKey(claims)) {
    throw invalidToken("the token is bound to a key, and no proof of it was sent");
  }
}

/**
 * Whether only the holder of some key may use a token (RFC 8705, RFC 9449): whoever sends it as a
 * plain bearer token may have stolen it.
 *
 * @see RFC 7800, section 3.1
 */
function isBoundToKey({ cnf, token_type: type }: TokenClaims): boolean {
  return cnf !== undefined || (typeof type === "string" && /^(?:dpop|pop|mac)$/i.test(type));
}

/**
 * Whether the claims are those of an ID token, a refresh token or a logout token.
 *
 * Security decision: an ID token says who someone is to a client; it permits nothing, and any
 * client the user ever signed in to has one. Its audience is that client, which is this
 * server's audience too where an issuer cannot tell the two apart, so it is told by what only
 * such tokens have.
 *
 * @see OpenID Connect Core 1.0, sections 2 and 3.1.3.6; RFC 9068, section 5
 */
function isOtherKindOfToken(claims: TokenClaims): boolean {
  const { typ, token_use: use } = claims;
  // Keycloak names the kind in `typ`, Cognito and Hydra in `token_use`.
  if (typ === "ID" || typ === "Refresh" || typ === "Offline" || typ === "Logout") return true;
  if (use !== undefined && use !== "access" && use !== "access_token") return true;
  if (KIND_CLAIMS.some((name) => isOtherKind(claims[name]))) return true;
  if ("at_hash" in claims || "c_hash" in claims || "events" in claims) return true;
  // `nonce` belongs to ID tokens; only tokens that also name scopes are known to carry it.
  return "nonce" in claims && !("scope" in claims || "scp" in claims);
}

/** Where others name it: Django's Simple JWT (`token_type`), Casdoor, Flask-JWT-Extended (`type`). */
const KIND_CLAIMS = ["token_type", "tokenType", "type"] as const;

/** Just `id` is no kind there: `type` may say anything of its issuer's. */
function isOtherKind(value: unknown): boolean {
  return typeof value === "string" && /^(?:refresh|(?:id|refresh)[-_]?token)$/i.test(value);
}

/** Values of a JWT's `typ` header that an access token may have. @see RFC 9068, section 2.1 */
const ACCESS_TOKEN_TYPES: ReadonlySet<string> = new Set([
  "jwt",
  "at+jwt",
  "application/jwt",
  "application/at+jwt",
]);

/**
 * Refuses a token by the `typ` of its header, before anybody is asked about it. Most issuers say
 * just `JWT`, or nothing.
 *
 * @throws McpSseError `invalid_token`.
 */
export function checkTokenType(typ: unknown): void {
  if (typ === undefined) return;
  if (typeof typ === "string" && ACCESS_TOKEN_TYPES.has(typ.toLowerCase())) return;
  throw notAnAccessToken();
}

export function notAnAccessToken(): McpSseError {
  return invalidToken("that is no access token");
}
