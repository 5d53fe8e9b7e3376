import type { KeyObject } from "node:crypto";
import { McpSseError } from "../../src/shared/errors.js";
import { IssuerKeys } from "../jwt/issuer-keys.js";
import type { TokenHeader } from "../jwt/jwt-strategy.js";
import type { KeyHeader } from "../jwt/key-header.js";
import { invalidToken } from "../shared/credential-errors.js";
import { lazily } from "../shared/lazily.js";
import type { MethodReports } from "../shared/method-reports.js";
import type { TokenClaims } from "../shared/token-claims.js";
import { checkTokenKind, checkTokenType } from "../shared/token-kind.js";
import { checkAccessToken } from "./access-token.js";
import type { AccessTokenRules } from "./access-token.js";
import type { IssuerDiscovery } from "./discovery.js";
import type { TokenIntrospection } from "./introspection.js";
import type { IssuerMetadata } from "./published-metadata.js";
import { sameIssuer } from "./issuer-url.js";
import { readUnverified } from "../shared/unverified-token.js";
import type { UnverifiedToken } from "../shared/unverified-token.js";

/** What an issuer is asked, and by whom. */
interface Remote {
  readonly discovery: IssuerDiscovery;
  readonly introspection: TokenIntrospection;
}

/** What is configured of an issuer. */
export interface IssuerSettings extends Pick<
  AccessTokenRules,
  "audience" | "audienceClaim" | "clockTolerance"
> {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly introspectionCacheMs: number;
  /** Whether a token must name its issuer, because there are others to ask. */
  readonly needsNamedIssuer: boolean;
}

/** An issuer, and where it is told what it was asked. */
interface IssuerInit extends IssuerSettings {
  readonly reports: MethodReports;
}

/** One authorization server: what it publishes, and what its tokens must satisfy here. */
export class Issuer {
  readonly #settings: IssuerInit;
  readonly #remote: () => Promise<Remote>;
  #keys: { readonly url: string; readonly set: IssuerKeys } | undefined;
  /** As published; as configured until that is known. */
  #name: string;

  constructor(settings: IssuerInit) {
    this.#settings = settings;
    this.#name = settings.issuerUrl;
    this.#remote = lazily(() => loadRemote(settings, () => this.metadata()));
  }

  /** The issuer's identifier, for discovery documents. */
  get name(): string {
    return this.#name;
  }

  /** @throws McpSseError `temporarily_unavailable` until the issuer has been found once. */
  async metadata(): Promise<IssuerMetadata> {
    const { discovery } = await this.#remote();
    const metadata = await discovery.metadata();
    this.#name = metadata.issuer;
    return metadata;
  }

  /**
   * The key that a JWT must be signed with.
   *
   * Security decision: a token that names another issuer is refused before anyone is asked, so
   * that of several tenants only the one that is named hears of it, and the outage of one does
   * not turn away the others' callers.
   */
  async keyFor(header: TokenHeader, token: string, mayAsk: boolean): Promise<KeyObject> {
    const unverified = readUnverified(token);
    if (unverified === undefined) throw invalidToken("the token is malformed");
    this.#checkUnverified(unverified);
    const { issuer } = await this.metadata();
    // The signature covers these bytes, so what is compared now is verified with it.
    if (unverified.claims["iss"] !== issuer) {
      throw invalidToken("the token's issuer is not accepted");
    }
    return await this.publishedKey(header, mayAsk);
  }

  /** The one of the issuer's keys that a token with this header is signed with, whatever it is for. */
  async publishedKey(header: KeyHeader, mayAsk = true): Promise<KeyObject> {
    const { jwksUri, signingAlgorithms } = await this.metadata();
    if (signingAlgorithms !== undefined && !signingAlgorithms.includes(header.alg)) {
      throw invalidToken("the token's algorithm is not one of its issuer's");
    }
    if (jwksUri === undefined) throw invalidToken("the token's issuer publishes no keys");
    // An issuer that moves its keys gets a new set.
    if (this.#keys?.url !== jwksUri) {
      this.#keys = { url: jwksUri, set: new IssuerKeys(jwksUri, this.#settings.reports) };
    }
    return await this.#keys.set.keyFor(header, mayAsk);
  }

  /** Whether an issuer that publishes keys is to verify this token with them. */
  async verifiesWithKeys(token: string): Promise<boolean> {
    const unverified = readUnverified(token);
    if (unverified === undefined) return false;
    this.#checkUnverified(unverified);
    return (await this.metadata()).jwksUri !== undefined;
  }

  /**
   * The claims of a token that the issuer says is active, and that is good for this server.
   *
   * @param mayAsk whether the issuer may be asked about a token that was never good before.
   */
  async introspect(token: string, mayAsk: boolean): Promise<TokenClaims> {
    const unverified = readUnverified(token);
    // A JWT that names another issuer is not shown to this one.
    if (unverified?.claims["iss"] !== undefined) this.#checkIssuer(unverified.claims);
    else if (this.#settings.needsNamedIssuer)
      throw notApplicable("the token does not name its issuer");
    if (unverified !== undefined) {
      // An answer need not repeat that a token is bound to a key, or of another kind.
      checkTokenType(unverified.header["typ"]);
      checkTokenKind(unverified.claims);
    }
    const { introspection } = await this.#remote();
    const claims = await introspection.introspect(token, mayAsk);
    this.check(claims);
    return claims;
  }

  /** Checks verified claims; the metadata is known by then. */
  check(claims: TokenClaims): void {
    const { audience, audienceClaim, clientId, clockTolerance } = this.#settings;
    const rules = { issuer: this.#name, audience, audienceClaim, clientId, clockTolerance };
    checkAccessToken(claims, rules, Date.now() / 1000);
  }

  #checkUnverified({ header, claims }: UnverifiedToken): void {
    this.#checkIssuer(claims);
    checkTokenType(header["typ"]);
  }

  #checkIssuer({ iss }: { readonly iss?: unknown }): void {
    if (typeof iss === "string" && sameIssuer(this.#settings.issuerUrl, iss)) return;
    throw notApplicable("the token's issuer is not accepted");
  }
}

/** What asks the issuer; only those load it who have one. */
async function loadRemote(
  { issuerUrl, clientId, clientSecret, introspectionCacheMs: cacheMs, reports }: IssuerInit,
  metadata: () => Promise<IssuerMetadata>,
): Promise<Remote> {
  const [{ IssuerDiscovery }, { TokenIntrospection }] = await Promise.all([
    import("./discovery.js"),
    import("./introspection.js"),
  ]);
  return {
    discovery: new IssuerDiscovery({ issuerUrl, reports }),
    introspection: new TokenIntrospection({ metadata, clientId, clientSecret, cacheMs, reports }),
  };
}

/** Says that a token is for another issuer; a bad one if there is no such issuer here. */
function notApplicable(reason: string): McpSseError {
  return new McpSseError("missing_credential", reason);
}
