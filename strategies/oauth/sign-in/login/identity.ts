import { errors, jwtVerify } from "jose";
import { McpSseError } from "../../../../src/shared/errors.js";
import { PUBLIC_KEY_ALGORITHMS } from "../../../jwt/key-material.js";
import { unavailable } from "../../../shared/credential-errors.js";
import { fetchJson } from "../../../shared/fetch-json.js";
import type { MethodReports } from "../../../shared/method-reports.js";
import type { TokenClaims } from "../../../shared/token-claims.js";
import { unusable } from "../../../shared/upstream-error.js";
import type { IssuerMetadata, ProviderIssuer } from "../../published-metadata.js";
import type { SignInProfile } from "../storage/login.js";

/** What identifying somebody takes. */
export interface ProviderIdentityParts {
  /** Our client id at the provider. */
  readonly clientId: string;
  /** Seconds by which the clocks of provider and server may differ. */
  readonly clockTolerance: number;
  readonly provider: Pick<ProviderIssuer, "publishedKey">;
  readonly reports: MethodReports;
}

/** Bounds of one request to the userinfo endpoint: 5 seconds, 256 KiB. */
const LIMITS = { timeoutMs: 5_000, maxBytes: 262_144 };

/** Claims of a profile that tools may find; the rest of an ID token is about the token. */
const PROFILE_CLAIMS = [
  "name",
  "given_name",
  "family_name",
  "preferred_username",
  "email",
  "email_verified",
  "picture",
  "locale",
  "groups",
  "roles",
  "hd",
  "tid",
  "oid",
] as const;

/** Learns from a provider that publishes metadata who signed in. */
export class ProviderIdentity {
  readonly #parts: ProviderIdentityParts;

  constructor(parts: ProviderIdentityParts) {
    this.#parts = parts;
  }

  /**
   * Who the tokens of an answer belong to: the verified ID token says, else the userinfo endpoint.
   *
   * @throws UpstreamError `unusable` when neither does; McpSseError when the keys cannot be had.
   */
  async find(
    tokens: { readonly idToken: unknown; readonly accessToken: string; readonly nonce: string },
    metadata: IssuerMetadata,
  ): Promise<SignInProfile> {
    const { idToken, accessToken, nonce } = tokens;
    if (typeof idToken === "string") {
      return toProfile(await this.#verify(idToken, nonce, metadata.issuer));
    }
    if (metadata.userinfoEndpoint === undefined) {
      throw unusable("the provider gave no ID token and has no userinfo endpoint");
    }
    const headers = { authorization: `Bearer ${accessToken}` };
    const { userinfoEndpoint } = metadata;
    const ask = () => fetchJson(userinfoEndpoint, LIMITS, { headers });
    return toProfile(await this.#parts.reports.asking("other", ask));
  }

  /** @see OpenID Connect Core 1.0, section 3.1.3.7 */
  async #verify(idToken: string, nonce: string, issuer: string): Promise<TokenClaims> {
    const { clientId, clockTolerance, provider } = this.#parts;
    const { payload } = await jwtVerify(idToken, (header) => provider.publishedKey(header), {
      algorithms: [...PUBLIC_KEY_ALGORITHMS],
      issuer,
      audience: clientId,
      requiredClaims: ["exp"],
      clockTolerance,
    }).catch((error: unknown) => {
      throw asIdTokenError(error);
    });
    checkIdToken(payload, { clientId, nonce });
    return payload;
  }
}

/**
 * What the signature, `iss`, `aud` and `exp` leave to be checked of an ID token.
 *
 * Security decision: the nonce ties the token to the one request of the one browser that asked; a
 * token of another login, although it is for us too, is refused.
 *
 * @throws UpstreamError `unusable` that names no value.
 * @see OpenID Connect Core 1.0, section 3.1.3.7
 */
export function checkIdToken(
  claims: TokenClaims,
  { clientId, nonce }: { readonly clientId: string; readonly nonce: string },
): void {
  const { aud, azp, exp, iss } = claims;
  if (claims["nonce"] !== nonce) throw unusable("the ID token is of another login");
  // A number too large for JSON reads as infinity: a token that never ends.
  if (!Number.isFinite(exp)) throw unusable("the ID token's expiry is malformed");
  if (iss === undefined || aud === undefined) throw unusable("the ID token is incomplete");
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) {
    throw unusable("the ID token does not say which of its audiences asked for it");
  }
  if (azp !== undefined && azp !== clientId) {
    throw unusable("the ID token was made for another client");
  }
}

/** An exception is no verdict on the token, and neither is an outage of the key host. */
function asIdTokenError(error: unknown): Error {
  const isVerdict =
    error instanceof errors.JOSEError ||
    (error instanceof McpSseError && error.code === "invalid_token");
  if (isVerdict) return unusable(`the ID token is refused: ${reasonOf(error)}`);
  if (error instanceof McpSseError) return error;
  return unavailable("the ID token cannot be verified at the moment", error);
}

/** The messages name no value of the token, but for the one about an extension of its header. */
function reasonOf(error: Error): string {
  return error instanceof errors.JOSENotSupported
    ? "it needs what is not supported"
    : error.message;
}

function toProfile(claims: TokenClaims): SignInProfile {
  const { sub, name, preferred_username: username, email } = claims;
  if (typeof sub !== "string" || sub === "") throw unusable("the provider names no subject");
  const label = [name, username, email].find((text) => typeof text === "string" && text !== "");
  const kept = PROFILE_CLAIMS.filter((claim) => claim in claims);
  return {
    id: sub,
    name: label as string | undefined,
    claims: Object.fromEntries(kept.map((claim) => [claim, claims[claim]])),
  };
}
