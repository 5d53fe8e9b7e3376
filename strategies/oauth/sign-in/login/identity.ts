import { McpSseError } from "../../../../src/shared/errors.js";
import { fetchJson } from "../../../shared/fetch-json.js";
import { IssuerKeys } from "../../../jwt/issuer-keys.js";
import { createJwtStrategy } from "../../../jwt/jwt-strategy.js";
import { PUBLIC_KEY_ALGORITHMS } from "../../../jwt/key-material.js";
import type { TokenClaims } from "../../../shared/token-claims.js";
import { unusable } from "../../../shared/upstream-error.js";
import type { IssuerMetadata } from "../../issuer-metadata.js";
import type { SignInProfile } from "../storage/records.js";
import { runStrategy } from "./run-strategy.js";

/** What an ID token must say. */
export interface IdTokenRules {
  /** Our client id at the provider. */
  readonly clientId: string;
  /** What the authorization request carried. */
  readonly nonce: string;
  /** Seconds by which the clocks of provider and server may differ. */
  readonly clockTolerance: number;
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
  readonly #clientId: string;
  readonly #clockTolerance: number;
  #keys: { readonly url: string; readonly set: IssuerKeys } | undefined;

  constructor(clientId: string, clockTolerance: number) {
    this.#clientId = clientId;
    this.#clockTolerance = clockTolerance;
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
      return toProfile(await this.#verify(idToken, nonce, metadata));
    }
    if (metadata.userinfoEndpoint === undefined) {
      throw unusable("the provider gave no ID token and has no userinfo endpoint");
    }
    const headers = { authorization: `Bearer ${accessToken}` };
    return toProfile(await fetchJson(metadata.userinfoEndpoint, LIMITS, { headers }));
  }

  /** @see OpenID Connect Core 1.0, section 3.1.3.7 */
  async #verify(idToken: string, nonce: string, metadata: IssuerMetadata): Promise<TokenClaims> {
    const { jwksUri, issuer, signingAlgorithms } = metadata;
    if (jwksUri === undefined) throw unusable("the provider publishes no keys");
    const keys = this.#keysAt(jwksUri);
    const strategy = createJwtStrategy(
      {
        keys: (header) => keys.keyFor(header),
        algorithms: acceptedAlgorithms(signingAlgorithms),
        issuer: [issuer],
        audience: [this.#clientId],
        clockTolerance: this.#clockTolerance,
        requireExp: true,
      },
      "signIn",
    );
    const headers = { authorization: `Bearer ${idToken}` };
    const answer = await runStrategy(strategy, { headers, url: "/" });
    if (answer.kind !== "success") throw toError(answer);
    const { claims = {} } = answer.user as { claims?: TokenClaims };
    checkIdToken(claims, { clientId: this.#clientId, nonce });
    return claims;
  }

  #keysAt(url: string): IssuerKeys {
    if (this.#keys?.url !== url) this.#keys = { url, set: new IssuerKeys(url, "signIn") };
    return this.#keys.set;
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
  { clientId, nonce }: Omit<IdTokenRules, "clockTolerance">,
): void {
  const { aud, azp, iss } = claims;
  if (claims["nonce"] !== nonce) throw unusable("the ID token is of another login");
  if (iss === undefined || aud === undefined) throw unusable("the ID token is incomplete");
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) {
    throw unusable("the ID token does not say which of its audiences asked for it");
  }
  if (azp !== undefined && azp !== clientId) {
    throw unusable("the ID token was made for another client");
  }
}

function acceptedAlgorithms(published: readonly string[] | undefined): readonly string[] {
  const known: readonly string[] = PUBLIC_KEY_ALGORITHMS;
  return published === undefined ? known : known.filter((name) => published.includes(name));
}

function toError(answer: {
  readonly kind: string;
  readonly info?: unknown;
  readonly error?: unknown;
}): Error {
  const reason = answer.info ?? answer.error;
  // An outage of the key host is no verdict on the token.
  if (reason instanceof McpSseError && reason.code !== "invalid_token") return reason;
  const detail = reason instanceof Error ? reason.message : "it cannot be verified";
  return unusable(`the ID token is refused: ${detail}`);
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
