import type { ScopeRule } from "../../../src/auth/auth-method.js";
import { checkText, checkTextList, optionError } from "../../../src/shared/check.js";
import * as opt from "../../../src/shared/option.js";
import type { Directions } from "../../../src/shared/check.js";
import { clockTolerance, COMMON_OPTIONS } from "../../shared/check-options.js";
import type { CommonAuthOptions } from "../../shared/check-options.js";
import { PUBLIC_KEY_ALGORITHMS } from "../../jwt/key-material.js";
import type { PublicKeyAlgorithm } from "../../jwt/key-material.js";
import { namesOneOf } from "../access-token.js";
import type { AudienceClaim, AudienceRule } from "../access-token.js";
import { checkIssuerUrl, sameIssuer } from "../issuer-url.js";
import { readSignInOptions } from "./sign-in-options.js";
import type { SignInOptions } from "./sign-in-options.js";
import type { SignInSettings } from "./sign-in-settings.js";

/** How an access token is checked. */
export type TokenValidation = "auto" | "jwt" | "introspection";

/** Options of `auth: { type: "oauth" }`. */
export interface OAuthOptions extends CommonAuthOptions {
  /**
   * The authorization server's issuer, exactly as it publishes itself: an https URL, or http to
   * loopback. A single slash at the end may be there or not.
   *
   * @see RFC 8414, section 2
   */
  readonly issuerUrl: string;
  /** This server's own client at the issuer; it introspects tokens with it. */
  readonly clientId: string;
  /**
   * The secret that goes with `clientId`; required, although with `tokenValidation: "jwt"` it is
   * never sent.
   */
  readonly clientSecret: string;
  /**
   * What a token's audience must name, or a function that returns true to accept. Default: the
   * endpoint's own URL, which must then be known from `publicUrl`.
   *
   * @see RFC 8707; RFC 9068, section 4
   */
  readonly audience?: string | readonly string[] | AudienceRule;
  /**
   * The claim that names the audience: `"client_id"` for Cognito, whose access tokens have no
   * `aud`; `audience` is then the client's id. Default: `"aud"`.
   */
  readonly audienceClaim?: AudienceClaim;
  /**
   * How tokens are checked: `"jwt"` with the issuer's keys; `"introspection"` by asking the issuer
   * about each (RFC 7662), which also sees revocation; `"auto"` JWTs the first way, others the
   * second. In a list with several `oauth` entries `"auto"` means `"jwt"`, because an opaque token
   * does not say whom to ask, and asking all would show it to the wrong ones. Where several entries
   * say `"introspection"`, only tokens that name their issuer are accepted. Default: `"auto"`.
   */
  readonly tokenValidation?: TokenValidation;
  /**
   * Milliseconds for which an introspection answer counts, and so how long a revoked token may
   * still get in; never past its `exp`. 0 asks each time. Default: 30000 (30 seconds).
   */
  readonly introspectionCacheMs?: number;
  /**
   * Accepted signing algorithms; of those, the ones that the issuer's metadata names too.
   * Default: all of RS, PS and ES.
   */
  readonly algorithms?: readonly PublicKeyAlgorithm[];
  /** Seconds by which the clocks of issuer and server may differ. From 0 to 300. Default: 10. */
  readonly clockTolerance?: number;
  /**
   * Whether the scopes of a token cover a needed one, where some include others (`admin`
   * includes `read`). A throw answers 503. Default: the needed scope itself is granted.
   */
  readonly satisfiesScope?: (required: string, granted: readonly string[]) => boolean;
  /**
   * Milliseconds that checking a credential may take before the answer is 503. Default: 25000 (25
   * seconds).
   */
  readonly timeoutMs?: number;
  /**
   * Makes this server the authorization server of its MCP clients, in front of an issuer at which
   * clients cannot register: people sign in at the issuer with `clientId` and `clientSecret`, and
   * clients get tokens of ours. Tokens of the issuer itself are then taken only if `audience` is
   * given. Needs `publicUrl`, oidc-provider, and passport-oauth2. Default: off.
   */
  readonly signIn?: true | SignInOptions;
}

/** {@link OAuthOptions} when the login step is a strategy of your own: then there need be no issuer. */
export interface StrategySignInAuthOptions extends Omit<
  OAuthOptions,
  "issuerUrl" | "clientId" | "clientSecret" | "signIn"
> {
  readonly signIn: SignInOptions & Required<Pick<SignInOptions, "strategy" | "principal">>;
}

/** The options that are meant: with a login step of your own there need be no issuer. */
export type OAuthOptionsFor<O> = O extends { issuerUrl: unknown }
  ? OAuthOptions
  : O extends { signIn: { strategy: unknown } }
    ? StrategySignInAuthOptions
    : OAuthOptions;

/** What the endpoint around a method knows. */
export interface OAuthContext {
  /** The endpoint's own URL, if it is configured. */
  readonly resource?: string | undefined;
  /** Its other URLs: a token for one of them is good for all. */
  readonly otherResources?: readonly string[] | undefined;
  /** The URL of the mount around it, if it is configured; no slash at its end. */
  readonly mountUrl?: string | undefined;
  /** Whether the endpoint takes tokens of other issuers too. */
  readonly hasSeveralIssuers?: boolean | undefined;
  /** Whether several issuers are asked about tokens, so that a token must say whose it is. */
  readonly needsNamedIssuer?: boolean | undefined;
}

/** {@link OAuthOptions}, checked and complete. */
export interface OAuthSettings extends Pick<
  opt.Settings<typeof OAUTH>,
  | "audienceClaim"
  | "tokenValidation"
  | "introspectionCacheMs"
  | "algorithms"
  | "clockTolerance"
  | "timeoutMs"
> {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly audience: AudienceRule;
  readonly needsNamedIssuer: boolean;
  readonly scopes: ScopeRule | undefined;
  /** `undefined`: clients get their tokens from the issuer. */
  readonly signIn: SignInSettings | undefined;
  /** Whether tokens of the issuer itself are taken. */
  readonly takesIssuersTokens: boolean;
}

/** Of mcp-framework's `OAuthAuthProvider`. */
const DIRECTIONS: Directions = {
  authorizationServers: "Write issuerUrl; for several, auth is a list of entries.",
  resource: "Write publicUrl beside auth: the URL of the mount.",
  validation: 'Write tokenValidation: "jwt" or "introspection"; the rest is discovered.',
};

/** {@link OAuthOptions}. What `signIn` and the endpoint around decide about is checked with them. */
export const OAUTH = opt.objectOf(
  {
    issuerUrl: opt.unchecked("URL"),
    clientId: opt.unchecked("text"),
    clientSecret: opt.unchecked("text"),
    audience: opt.neverUnset(opt.custom("text, list, or function", readAudience)),
    scopes: COMMON_OPTIONS.scopes,
    audienceClaim: opt.choice("aud", "client_id"),
    tokenValidation: opt.choice("auto", "jwt", "introspection"),
    introspectionCacheMs: opt.milliseconds(30_000, 0),
    algorithms: opt.checked(opt.texts(), checkAlgorithms),
    clockTolerance,
    satisfiesScope: opt.optional(
      opt.callback<NonNullable<ScopeRule["satisfies"]>>("It takes a scope and a list."),
    ),
    // Longer than the three requests that a first token may need: metadata at its third URL, and
    // keys or introspection.
    timeoutMs: opt.milliseconds(25_000),
    signIn: opt.unchecked("`true`, or object"),
  } satisfies opt.Declares<OAuthOptions>,
  DIRECTIONS,
);

/** @throws TypeError for a wrong option; it says which, and what to write instead. */
export function readOAuthOptions(
  options: OAuthOptions,
  path: string,
  context: OAuthContext,
): OAuthSettings {
  const { audience, scopes, satisfiesScope, tokenValidation, ...settings } = OAUTH.read(
    path,
    options,
  );
  const signIn =
    settings.signIn === undefined
      ? undefined
      : readSignInOptions(settings.signIn, `${path}.signIn`, context);
  if (settings.audienceClaim === "client_id" && audience === undefined) {
    throw optionError(
      `${path}.audience`,
      'is missing, and audienceClaim is "client_id"',
      "Write the ids of the clients whose tokens are accepted.",
    );
  }
  return {
    ...settings,
    ...readIssuer(options, path, signIn),
    signIn,
    audience: audience ?? ownAudience(`${path}.audience`, context),
    tokenValidation:
      tokenValidation === "auto" && context.hasSeveralIssuers ? "jwt" : tokenValidation,
    needsNamedIssuer: context.needsNamedIssuer === true,
    scopes: scopes && { required: scopes, ...(satisfiesScope && { satisfies: satisfiesScope }) },
  };
}

/** The issuer and our registration there. Whoever signs people in with a strategy needs neither. */
function readIssuer(
  given: OAuthOptions,
  path: string,
  signIn: SignInSettings | undefined,
): Pick<OAuthSettings, "issuerUrl" | "clientId" | "clientSecret" | "takesIssuersTokens"> {
  if (signIn?.login.kind === "strategy" && !("issuerUrl" in given)) {
    return { issuerUrl: signIn.issuer, clientId: "", clientSecret: "", takesIssuersTokens: false };
  }
  const issuerUrl = checkIssuerUrl(`${path}.issuerUrl`, given.issuerUrl);
  if (signIn !== undefined && sameIssuer(issuerUrl, signIn.issuer)) {
    throw optionError(
      `${path}.issuerUrl`,
      "is this server itself",
      "Write the issuer at which people sign in.",
    );
  }
  return {
    issuerUrl,
    clientId: checkText(`${path}.clientId`, given.clientId),
    clientSecret: checkText(`${path}.clientSecret`, given.clientSecret),
    takesIssuersTokens: signIn === undefined || given.audience !== undefined,
  };
}

function readAudience(name: string, value: unknown): AudienceRule | undefined {
  if (typeof value === "function") return value as AudienceRule;
  const names = checkTextList(name, value);
  return names && namesOneOf(names);
}

/**
 * Security decision: an endpoint that does not check the audience accepts tokens that were meant
 * for any other service of the issuer. And its own URL is taken from the configuration only: a
 * `Host` header would let whoever holds another server's token name that server.
 */
function ownAudience(name: string, { resource, otherResources = [] }: OAuthContext): AudienceRule {
  if (resource !== undefined) return namesOneOf([resource, ...otherResources]);
  throw optionError(
    name,
    "is missing, and the endpoint's own URL is not known",
    "Write the audience that the issuer puts into this server's tokens, or set publicUrl.",
  );
}

function checkAlgorithms(name: string, given: readonly string[] | undefined): readonly string[] {
  const known: readonly string[] = PUBLIC_KEY_ALGORITHMS;
  for (const algorithm of given ?? []) {
    if (known.includes(algorithm)) continue;
    throw optionError(
      name,
      "must be of those that go with an issuer's keys",
      `Write one or more of: ${known.join(", ")}.`,
    );
  }
  return given ?? known;
}
