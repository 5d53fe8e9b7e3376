import type { KeyObject } from "node:crypto";
import type { TokenHeader } from "../jwt/jwt-strategy.js";
import { invalidToken } from "../shared/credential-errors.js";
import type { TokenClaims } from "../shared/token-claims.js";
import { checkTokenType } from "../shared/token-kind.js";
import { checkAccessToken, namesOneOf } from "./access-token.js";
import { readUnverified } from "../shared/unverified-token.js";
import type { KeyRing } from "./sign-in/storage/key-ring.js";
import type { Logins } from "./sign-in/storage/records.js";
import type { Login } from "./sign-in/storage/login.js";
import type { SealedStorage } from "./sign-in/storage/seal.js";

/** What our own access tokens must satisfy. */
export interface OwnTokenRules {
  readonly issuer: string;
  readonly resource: string;
  readonly clockTolerance: number;
}

/** Verifies the access tokens that this sign-in issued, without asking anybody. */
export class OwnTokens {
  readonly #rules: OwnTokenRules;

  constructor(rules: OwnTokenRules) {
    this.#rules = rules;
  }

  /** Whether a token says that we issued it; whether that is true shows its signature. */
  isOurs(token: string): boolean {
    return readUnverified(token)?.claims["iss"] === this.#rules.issuer;
  }

  /** The key that a token must be signed with. */
  keyFor({ kid, typ }: TokenHeader, token: string, keys: KeyRing): KeyObject {
    if (!this.isOurs(token)) throw invalidToken("the token's issuer is not accepted");
    // The engine signs nothing else for this resource, but a token's type says what it is for.
    checkTokenType(typ);
    const key = keys.publicKey(kid);
    if (key === undefined) throw invalidToken("the token's key is not one of its issuer's");
    return key;
  }

  /** Checks the claims of a token whose signature is good. */
  check(claims: TokenClaims): void {
    const { issuer, resource, clockTolerance } = this.#rules;
    const audience = namesOneOf([resource]);
    const rules = { issuer, audience, clockTolerance, clientId: undefined } as const;
    checkAccessToken(claims, { ...rules, audienceClaim: "aud" }, Date.now() / 1000);
    if (typeof claims["sid"] !== "string" || typeof claims["grant_id"] !== "string") {
      throw invalidToken("the token names no grant");
    }
  }

  /**
   * The login behind a token.
   *
   * Security decision: a token whose grant was revoked, or whose person signed out, is refused at
   * once, although it has not expired.
   */
  async loginOf(
    claims: TokenClaims,
    logins: Pick<Logins, "find">,
    records: Pick<SealedStorage, "get">,
  ): Promise<Login> {
    const { sid, grant_id: grantId } = claims as { sid: string; grant_id: string };
    const [login, grant] = await Promise.all([logins.find(sid), records.get("Grant", grantId)]);
    if (login === undefined || grant === undefined) throw invalidToken("the token was revoked");
    return login;
  }
}
