/**
 * Authentication by access tokens of an OAuth server alone: what `auth: { type: "oauth" }` builds.
 *
 * @module express-mcp-sse/strategies/oauth
 */

import type { IncomingMessage } from "node:http";
import { mayAsk } from "../src/auth/asking.js";
import { findBearer } from "../src/auth/auth-method.js";
import type { AuthMethod, FoundCredential, PassportStrategy } from "../src/auth/auth-method.js";
import type { PrincipalInit } from "../src/auth/principal.js";
import { McpSseError } from "../src/shared/errors.js";
import { queryOf } from "../src/shared/url.js";
import { createJwtStrategy } from "./jwt/jwt-strategy.js";
import { Issuer } from "./oauth/issuer.js";
import { readOAuthOptions } from "./oauth/options/oauth-options.js";
import type {
  OAuthContext,
  OAuthOptions,
  OAuthSettings,
  StrategySignInAuthOptions,
} from "./oauth/options/oauth-options.js";
import { SIGNING_ALGORITHM } from "./oauth/options/signing-key.js";
import type { SignInSettings } from "./oauth/options/sign-in-settings.js";
import { SignIn } from "./oauth/sign-in-endpoints.js";
import type { LoadedSignIn } from "./oauth/sign-in-endpoints.js";
import type { SignInParts } from "./oauth/sign-in/sign-in-parts.js";
import { readUnverified } from "./shared/unverified-token.js";
import { MethodReports } from "./shared/method-reports.js";
import { principalOfClaims } from "./shared/token-claims.js";
import type { ActiveStrategy } from "./shared/translate-failures.js";

export type { AudienceClaim, AudienceRule } from "./oauth/access-token.js";
export type {
  OAuthContext,
  OAuthOptions,
  StrategySignInAuthOptions,
  TokenValidation,
} from "./oauth/options/oauth-options.js";
export type {
  FetchDocument,
  LoginField,
  SignInAdvancedOptions,
  SignInOptions,
} from "./oauth/options/sign-in-config.js";
export type { PrivateJwk, SignInKeys } from "./oauth/options/signing-key.js";
export type { SignInProfile } from "./oauth/sign-in/storage/login.js";
export type { SignInStorage } from "./storage/sign-in-storage.js";
export type { PublicKeyAlgorithm } from "./jwt/key-material.js";
export type { TokenClaims } from "./shared/token-claims.js";
export type { CommonAuthOptions } from "./shared/check-options.js";
export type * from "./shared/method-types.js";

/** The query parameter of RFC 6750, section 2.3, which is refused here. */
const TOKEN_PARAMETER = "access_token";

/** What a strategy says of a token that the other one checks. */
const NOT_APPLICABLE = new McpSseError("missing_credential", "another check takes this token");

/**
 * Lets callers in who send an access token of an OAuth 2.1 authorization server, and tells those
 * who have none where to get one.
 *
 * A JWT is verified with the issuer's keys, any other token by introspection. The issuer's
 * metadata is looked up when it is first needed; until it is found, callers get 503.
 *
 * @example
 * ```ts
 * const auth = oauth({
 *   issuerUrl: "https://login.example.com",
 *   clientId: "mcp-server",
 *   clientSecret: process.env["CLIENT_SECRET"] ?? "",
 *   audience: "https://api.example.com/mcp/sse",
 * });
 * ```
 *
 * @param path How error messages call the options.
 * @param context What the endpoint around the method knows.
 * @throws TypeError for a wrong option; it says which, and what to write instead.
 * @see OAuth 2.1, section 5; RFC 9728; RFC 9068; RFC 7662
 */
export function oauth(
  options: OAuthOptions | StrategySignInAuthOptions,
  path = "auth.options",
  context: OAuthContext = {},
): AuthMethod {
  const settings = readOAuthOptions(options as OAuthOptions, path, context);
  const reports = new MethodReports();
  const issuer = new Issuer({ ...settings, reports });
  if (settings.signIn !== undefined) {
    return signInMethod(issuer, { ...settings, reports }, settings.signIn);
  }
  return {
    ...commonParts({ ...settings, reports }),
    strategies: issuerStrategies(issuer, settings),
    // An introspection answer may leave the issuer out; whose sessions are whose must not depend on it.
    principal: (user) => ({ ...(user as PrincipalInit), issuer: issuer.name }),
    issuers: [issuer.name],
    authorizationServers: () => [issuer.name],
    // How long the issuer's word for a token counts is said by introspectionCacheMs.
    revision: (_principal, info) => (info === INTROSPECTED ? undefined : "signed"),
    start: async () => {
      await issuer.metadata();
    },
  };
}

/** What a method is made of, and where its parts say what happens. */
type ReportingSettings = OAuthSettings & { readonly reports: MethodReports };

/** What a method is, wherever its tokens come from. */
function commonParts({
  clockTolerance,
  scopes,
  timeoutMs,
  reports,
}: ReportingSettings): Omit<AuthMethod, "strategies" | "principal"> {
  return {
    name: "oauth",
    findCredential: findAccessToken,
    credentialDecides: true,
    challenge: { scheme: "Bearer" },
    searched: ["Authorization: Bearer"],
    queryParameter: TOKEN_PARAMETER,
    exposesToken: true,
    clockTolerance,
    ...(scopes !== undefined && { scopes }),
    timeoutMs,
    observe: reports.observe,
  };
}

/** The checks for tokens of the issuer. */
function issuerStrategies(issuer: Issuer, settings: OAuthSettings): readonly PassportStrategy[] {
  const { tokenValidation } = settings;
  return [
    ...(tokenValidation === "introspection" ? [] : [jwtStrategy(issuer, settings)]),
    ...(tokenValidation === "jwt" ? [] : [introspectionStrategy(issuer, settings)]),
  ];
}

/** The method of a server that is the authorization server of its clients itself. */
function signInMethod(
  issuer: Issuer,
  settings: ReportingSettings,
  options: SignInSettings,
): AuthMethod {
  const { clientId, clientSecret, clockTolerance, takesIssuersTokens, reports } = settings;
  let warn: (message: string) => void = () => undefined;
  const signIn = new SignIn(
    {
      settings: options,
      providerIssuer: issuer.name,
      clientId,
      clientSecret,
      scopes: settings.scopes?.required ?? [],
      clockTolerance,
      provider: issuer,
      warn: (message) => warn(message),
      reports,
    },
    loadSignIn,
  );
  const isAsked = options.login.kind === "provider" && options.login.endpoints === undefined;
  return {
    ...commonParts(settings),
    strategies: [
      ownTokenStrategy(signIn, settings),
      ...(takesIssuersTokens ? issuerStrategies(issuer, settings) : []),
    ],
    principal: async (user) => {
      const init = user as PrincipalInit;
      if (init.issuer !== signIn.issuer) return { ...init, issuer: issuer.name };
      // A token that was revoked is refused here, whatever its signature says.
      const { profile } = await signIn.loginOf(init.claims ?? {});
      return { ...init, claims: { ...profile.claims, ...init.claims } };
    },
    issuers: [signIn.issuer, issuer.name],
    authorizationServers: () => [signIn.issuer],
    endpoints: signIn,
    upstream: async ({ issuer: from, claims }) => {
      if (from !== signIn.issuer) throw new Error("The caller's token is the provider's own.");
      return await signIn.upstream(claims);
    },
    start: async () => {
      await signIn.start();
      if (isAsked) await issuer.metadata();
    },
    stop: () => signIn.stop(),
    reportTo: (listener) => void (warn = listener),
  };
}

/** Loads what only those pay for who configure a sign-in, and its keys. */
async function loadSignIn(parts: SignInParts): Promise<LoadedSignIn> {
  const { SignInServer } = await import("./oauth/sign-in/sign-in-server.js");
  return await SignInServer.create(parts);
}

/** The tokens that we issued, by passport-jwt over our own keys. */
function ownTokenStrategy(signIn: SignIn, settings: OAuthSettings): PassportStrategy {
  const verify = createJwtStrategy({
    keys: (header, token) => signIn.keyFor(header, token),
    accept: (claims) => signIn.check(claims),
    algorithms: [SIGNING_ALGORITHM],
    clockTolerance: settings.clockTolerance,
    requireExp: true,
    issuer: [signIn.issuer],
    audience: undefined,
  });
  return guarded(verify, async (strategy, req) => {
    const token = tokenOf(req);
    if (settings.takesIssuersTokens && !signIn.isOurs(token)) throw NOT_APPLICABLE;
    verify.authenticate.call(strategy, req);
  });
}

/**
 * The access token of a request.
 *
 * Security decision: a token in the URL is refused, whatever it is and whatever else is sent.
 * URLs end up in logs, histories and `Referer` headers, so that token is no secret any more.
 *
 * @see RFC 9700, section 4.3.2; OAuth 2.1, section 5.1.1
 */
function findAccessToken(req: IncomingMessage): FoundCredential | undefined {
  return hasTokenInUrl(req) ? { place: "query", name: TOKEN_PARAMETER, text: "" } : findBearer(req);
}

function hasTokenInUrl({ url = "" }: IncomingMessage): boolean {
  // Almost no URL has one, and no other spelling of its name does without an escape.
  if (!url.includes(TOKEN_PARAMETER) && !url.includes("%")) return false;
  return queryOf(url).has(TOKEN_PARAMETER);
}

/** The token to check, once it is clear that there is one and where it came from. */
function tokenOf(req: IncomingMessage): string {
  if (hasTokenInUrl(req)) {
    throw new McpSseError("invalid_token", "an access token must not be in the URL");
  }
  return findBearer(req)?.text ?? "";
}

/** What is said of a token that is for introspection, if anything. */
const NOT_A_JWT = new McpSseError("missing_credential", "the token is malformed");

/** JWTs, by passport-jwt over the issuer's keys. */
function jwtStrategy(issuer: Issuer, settings: OAuthSettings): PassportStrategy {
  const { algorithms, clockTolerance, tokenValidation } = settings;
  const verify = createJwtStrategy({
    keys: (header, token, mayAsk) => issuer.keyFor(header, token, mayAsk),
    accept: (claims) => issuer.check(claims),
    algorithms,
    clockTolerance,
    requireExp: true,
    // Both are checked by `accept`, for JWTs and introspection answers alike.
    issuer: undefined,
    audience: undefined,
  });
  return guarded(verify, async (strategy, req) => {
    const token = tokenOf(req);
    if (readUnverified(token) === undefined) throw NOT_A_JWT;
    if (tokenValidation === "auto" && !(await issuer.verifiesWithKeys(token))) throw NOT_APPLICABLE;
    verify.authenticate.call(strategy, req);
  });
}

/** Said of a success that rests on the issuer's word, and not on a signature. */
const INTROSPECTED = Symbol("introspected");

/** Every other token, by asking the issuer. */
function introspectionStrategy(issuer: Issuer, settings: OAuthSettings): PassportStrategy {
  const { tokenValidation } = settings;
  return guarded({ name: "oauth", authenticate: () => undefined }, async (strategy, req) => {
    const token = tokenOf(req);
    if (tokenValidation === "auto" && (await issuer.verifiesWithKeys(token))) throw NOT_APPLICABLE;
    const claims = await issuer.introspect(token, mayAsk(req));
    strategy.success(principalOfClaims(claims, token), INTROSPECTED);
  });
}

/** A strategy on top of `base` that fails with the errors that `check` rejects with. */
function guarded(
  base: PassportStrategy,
  check: (strategy: ActiveStrategy, req: IncomingMessage) => Promise<void>,
): PassportStrategy {
  const authenticate = function (this: ActiveStrategy, req: IncomingMessage): void {
    check(this, req).catch((error: unknown) => {
      if (error instanceof McpSseError) this.fail(error);
      else this.error(error);
    });
  };
  return Object.create(base, { authenticate: { value: authenticate } }) as PassportStrategy;
}
