import { expired, invalidToken } from "../shared/credential-errors.js";
import type { TokenClaims } from "../shared/token-claims.js";
import { checkTokenKind, notAnAccessToken } from "../shared/token-kind.js";

/**
 * Decides whether a token is meant for this server; `audience` is what its `aud` (or the claim
 * that stands for it) names. Anything but `true` refuses the token, a promise included; a throw
 * answers 503.
 */
export type AudienceRule = (audience: readonly string[], claims: TokenClaims) => boolean;

/** Which claim says whom a token is for. */
export type AudienceClaim = "aud" | "client_id";

/** What every access token must satisfy, however it was verified. */
export interface AccessTokenRules {
  /** The issuer exactly as it publishes itself. */
  readonly issuer: string;
  readonly audience: AudienceRule;
  readonly audienceClaim: AudienceClaim;
  /** This server's own client id at the issuer; `undefined` where the issuer is this server. */
  readonly clientId: string | undefined;
  /** Seconds by which the clocks of issuer and server may differ. */
  readonly clockTolerance: number;
}

/** Accepts a token that names one of these. */
export function namesOneOf(accepted: readonly string[]): AudienceRule {
  return (audience) => audience.some((name) => accepted.includes(name));
}

/**
 * Checks the claims of a JWT whose signature is good, and of an introspection answer, alike.
 *
 * @throws McpSseError `invalid_token` with a reason that repeats no value of the token.
 * @see RFC 9068, section 4; RFC 9449, section 7.1; RFC 7662, section 2.2; RFC 8725, section 3
 */
export function checkAccessToken(claims: TokenClaims, rules: AccessTokenRules, now: number): void {
  // An introspection answer may leave `iss` out; for JWTs it is required before they come here.
  if (claims["iss"] !== undefined && claims["iss"] !== rules.issuer) {
    throw invalidToken("the token's issuer is not accepted");
  }
  checkTokenKind(claims);
  if (mayBeIdToken(claims, rules.clientId)) throw notAnAccessToken();
  const isForUs: unknown = rules.audience(audienceOf(claims, rules.audienceClaim), claims);
  // Compared with `true`, because the promise of an async function is truthy whatever it resolves to.
  if (isForUs !== true) throw invalidToken("the token is not meant for this server");
  checkTimes(claims, rules.clockTolerance, now);
}

/**
 * Whom a token is for.
 *
 * Security decision: `client_id` stands in for `aud` only where the operator says so (Cognito's
 * access tokens have no `aud`). Otherwise a token of the right client for another service would
 * be accepted here.
 */
function audienceOf(claims: TokenClaims, claim: AudienceClaim): readonly string[] {
  const value = claims[claim];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((name): name is string => typeof name === "string");
}

/**
 * Claims that issuers put into access tokens to say what they permit, and to whom they gave them.
 * Not `roles` and `azp`, which ID tokens of Entra and Keycloak have as well; `azpacr` is what
 * Entra's tokens for applications have instead of `scp`.
 */
const ACCESS_TOKEN_CLAIMS = ["scope", "scp", "permissions", "client_id", "cid", "appid", "azpacr"];

/**
 * Whether the claims could be those of an ID token that this server's own client got.
 *
 * Security decision: such a token names the client as its audience. Where an issuer does that in
 * access tokens as well (Entra, WorkOS), the audience tells nothing, and a token must have what
 * only access tokens have.
 *
 * @see OpenID Connect Core 1.0, section 2
 */
function mayBeIdToken(claims: TokenClaims, clientId: string | undefined): boolean {
  if (clientId === undefined || !audienceOf(claims, "aud").includes(clientId)) return false;
  // Keycloak names the kind of an access token in `typ`.
  return claims["typ"] !== "Bearer" && !ACCESS_TOKEN_CLAIMS.some((name) => name in claims);
}

function checkTimes(claims: TokenClaims, clockTolerance: number, now: number): void {
  const { exp, nbf } = claims;
  if (exp !== undefined && !Number.isFinite(exp))
    throw invalidToken("the token's expiry is malformed");
  if (nbf !== undefined && !Number.isFinite(nbf))
    throw invalidToken("the token's start is malformed");
  if (exp !== undefined && (exp as number) + clockTolerance <= now) {
    throw expired("the token has expired");
  }
  if (nbf !== undefined && (nbf as number) - clockTolerance > now) {
    throw invalidToken("the token is not valid yet");
  }
}
