import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type OAuth2Strategy from "passport-oauth2";
import type { PassportStrategy } from "../../../../src/auth/auth-method.js";
import { McpSseError } from "../../../../src/shared/errors.js";
import { loadPeer } from "../../../shared/load-peer.js";
import type { IssuerMetadata } from "../../issuer-metadata.js";
import { isSame, LOGIN_TIME_MS } from "../requests/browser.js";
import { unusable } from "../../../shared/upstream-error.js";
import type { ProviderIdentity } from "./identity.js";
import {
  failureOf,
  failureOfProvider,
  otherBrowser,
  SignInProblem,
  unknownLogin,
} from "./login-step.js";
import type { LoginContext, LoginOutcome } from "./login-step.js";
import { ownerByRequest } from "../storage/owners.js";
import type { Login, SignInProfile } from "../storage/records.js";
import { isTokenRefused } from "./revalidation.js";
import type { Identify } from "./revalidation.js";
import { runStrategy, strategyRequest } from "./run-strategy.js";
import type { SealedStorage } from "../storage/seal.js";
import type { LoginStep } from "../../options/login-options.js";
import { requestTokens, toUpstreamTokens } from "./token-client.js";
import type { TokenEndpoint, TokenResponse } from "./token-client.js";

type ProviderStep = Extract<LoginStep, { kind: "provider" }>;

/** What a login at the provider is made of. */
export interface ProviderLoginParts {
  readonly step: ProviderStep;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider sends the browser back to; registered there, character by character. */
  readonly callbackUrl: string;
  /** What the provider publishes; not asked for when the step has endpoints of its own. */
  readonly metadata: () => Promise<IssuerMetadata>;
  readonly identity: ProviderIdentity;
  readonly records: SealedStorage;
}

/** A login under way, kept until the provider answers; one answer uses it up. */
interface Transaction extends LoginContext {
  readonly verifier: string;
  readonly nonce: string;
}

/** Where the provider takes requests, and what it says of itself. */
interface Endpoints {
  readonly authorizationUrl: string;
  readonly token: TokenEndpoint;
  readonly metadata: IssuerMetadata | undefined;
}

/** passport-oauth2, as far as its own types leave it out. */
type Strategy = PassportStrategy & {
  readonly _oauth2: { getOAuthAccessToken: ReturnType<typeof exchangeAt> };
  authorizationParams: (options: { readonly nonce?: string }) => object;
};

/** Keeps a running request's part of a transaction where the strategy's store finds it. */
const contexts = new WeakMap<object, LoginContext & { readonly nonce: string }>();

/** The transaction that a running callback belongs to. */
const answered = new WeakMap<object, Transaction>();

/**
 * The login step at the configured provider, by passport-oauth2: authorization code with `state`
 * and PKCE S256 of our own, whatever the MCP client sent.
 *
 * @see OAuth 2.1, section 4.1; RFC 7636; RFC 9700, section 2.1
 */
export class ProviderLogin {
  readonly #parts: ProviderLoginParts;

  constructor(parts: ProviderLoginParts) {
    this.#parts = parts;
  }

  /** Sends the person to the provider. */
  async begin(req: IncomingMessage, context: LoginContext): Promise<LoginOutcome> {
    try {
      const strategy = await this.#createStrategy();
      const asked = strategyRequest(req, { query: new URLSearchParams(), method: "GET" });
      const nonce = randomBytes(24).toString("base64url");
      contexts.set(asked, { ...context, nonce });
      const answer = await runStrategy(strategy, asked, { nonce });
      if (answer.kind === "redirect") return answer;
      return failureOf(context.uid, { kind: "error", error: reasonOf(answer) });
    } catch (error) {
      return failureOf(context.uid, { kind: "error", error });
    }
  }

  /**
   * Takes the provider's answer.
   *
   * @param browser Id of the browser that brings it.
   * @throws SignInProblem when it belongs to no login of this browser.
   */
  async complete(
    req: IncomingMessage,
    query: URLSearchParams,
    browser: string | undefined,
  ): Promise<LoginOutcome> {
    const transaction = await this.#takeTransaction(query, browser);
    const { uid } = transaction;
    try {
      const endpoints = await this.#endpoints();
      checkResponseIssuer(query.getAll("iss"), endpoints.metadata);
      const error = query.get("error");
      if (error !== null) return failureOfProvider(uid, error);
      const strategy = await this.#createStrategy();
      const asked = strategyRequest(req, { query });
      answered.set(asked, transaction);
      const answer = await runStrategy(strategy, asked);
      if (answer.kind !== "success") return failureOf(uid, answer);
      return { kind: "signed-in", uid, login: answer.user as Login };
    } catch (error) {
      if (error instanceof SignInProblem) throw error;
      return failureOf(uid, { kind: "error", error });
    }
  }

  /** New tokens for an old refresh token. */
  async refresh(refreshToken: string): Promise<TokenResponse> {
    const { token } = await this.#endpoints();
    const parameters = { grant_type: "refresh_token", refresh_token: refreshToken };
    return await requestTokens(token, parameters);
  }

  /** Whom a token of the provider belongs to by now; see {@link Identify}. */
  async identify(accessToken: string): ReturnType<Identify> {
    const { step, identity, metadata } = this.#parts;
    if (step.profile !== undefined) return (await step.profile(accessToken)) ?? "nobody";
    const published = await metadata();
    if (published.userinfoEndpoint === undefined) return undefined;
    const tokens = { idToken: undefined, accessToken, nonce: "" };
    return await identity.find(tokens, published).catch((error: unknown) => {
      if (isTokenRefused(error)) return "nobody";
      throw error;
    });
  }

  /**
   * The login that an answer belongs to, which is then used up.
   *
   * Security decision: taken before it is judged, so that one `state` gets one try, whoever tries.
   */
  async #takeTransaction(
    query: URLSearchParams,
    browser: string | undefined,
  ): Promise<Transaction> {
    const states = query.getAll("state");
    const [state] = states;
    if (state === undefined || states.length > 1) throw unknownLogin();
    const found = await this.#parts.records.take("LoginTransaction", state);
    if (found === undefined) throw unknownLogin();
    const transaction = found as Transaction;
    if (browser === undefined || !isSame(transaction.browser, browser)) throw otherBrowser();
    return transaction;
  }

  async #endpoints(): Promise<Endpoints> {
    const { step, clientId, clientSecret } = this.#parts;
    const credentials = { id: clientId, secret: clientSecret };
    if (step.endpoints !== undefined) {
      const { authorizationUrl, tokenUrl } = step.endpoints;
      const authMethods = ["client_secret_post"];
      return {
        authorizationUrl,
        token: { url: tokenUrl, credentials, authMethods },
        metadata: undefined,
      };
    }
    const metadata = await this.#parts.metadata();
    const { authorizationEndpoint, tokenEndpoint, tokenAuthMethods } = metadata;
    if (authorizationEndpoint === undefined || tokenEndpoint === undefined) {
      throw unusable("the issuer publishes no authorization or no token endpoint");
    }
    return {
      authorizationUrl: authorizationEndpoint,
      token: { url: tokenEndpoint, credentials, authMethods: tokenAuthMethods },
      metadata,
    };
  }

  /** A strategy for one request, because what the provider publishes may have changed. */
  async #createStrategy(): Promise<Strategy> {
    const endpoints = await this.#endpoints();
    const { step, clientId, clientSecret, callbackUrl } = this.#parts;
    const Base = loadPeer("passport-oauth2", "signIn") as typeof OAuth2Strategy;
    const verify = (
      req: IncomingMessage,
      accessToken: string,
      _refreshToken: string | undefined,
      response: TokenResponse,
      _profile: unknown,
      done: (error: unknown, login?: Login) => void,
    ): void => {
      this.#toLogin(req, accessToken, response, endpoints).then(
        (login) => done(null, login),
        (error: unknown) => done(error),
      );
    };
    const strategy = new Base(
      {
        authorizationURL: endpoints.authorizationUrl,
        tokenURL: endpoints.token.url,
        clientID: clientId,
        clientSecret,
        callbackURL: callbackUrl,
        scope: [...step.scopes],
        pkce: true,
        state: true,
        store: this.#store(),
        skipUserProfile: true,
        passReqToCallback: true,
      },
      verify as never,
    ) as unknown as Strategy;
    strategy.authorizationParams = ({ nonce }) => ({
      ...step.params,
      ...(step.scopes.includes("openid") && { nonce }),
    });
    // The package's own request has no limit of time or size, and sends the secret in the body.
    strategy._oauth2.getOAuthAccessToken = exchangeAt(endpoints.token);
    return strategy;
  }

  /** Keeps `state` and the PKCE verifier on the server, under the state; the browser has neither key nor copy. */
  #store(): OAuth2Strategy.StateStore {
    const { records } = this.#parts;
    const store = (
      req: IncomingMessage,
      verifier: string,
      _state: unknown,
      _meta: unknown,
      done: (error: unknown, state?: string) => void,
    ): void => {
      const state = randomBytes(32).toString("base64url");
      const transaction = { ...contexts.get(req), verifier };
      const keeping = { ttlMs: LOGIN_TIME_MS, owner: ownerByRequest(req) };
      records.set("LoginTransaction", state, transaction, keeping).then(
        () => done(null, state),
        (error: unknown) => done(error),
      );
    };
    const verify = (
      req: object,
      _state: string,
      _meta: unknown,
      done: (error: unknown, ok: string | false) => void,
    ): void => done(null, answered.get(req)?.verifier ?? false);
    return { store, verify } as unknown as OAuth2Strategy.StateStore;
  }

  async #toLogin(
    req: object,
    accessToken: string,
    response: TokenResponse,
    { metadata }: Endpoints,
  ): Promise<Login> {
    const { nonce = "" } = answered.get(req) ?? {};
    const { step, identity } = this.#parts;
    const upstream = toUpstreamTokens(response, { scopes: step.scopes });
    if (step.profile !== undefined) {
      return { profile: checkProfile(await step.profile(accessToken)), upstream };
    }
    if (metadata === undefined) throw new Error("there is no profile function");
    const idToken = response["id_token"];
    const profile = await identity.find({ idToken, accessToken, nonce }, metadata);
    return { profile, upstream };
  }
}

/** A profile from a function of the operator's. */
export function checkProfile(profile: SignInProfile | undefined): SignInProfile {
  const { id } = (profile as Partial<SignInProfile> | undefined) ?? {};
  // Some providers number their users; a number would be another key than its text.
  if (profile !== undefined && typeof id === "string" && id !== "") return profile;
  throw unusable("profile() and principal() must return { id }, a text that is not empty");
}

/**
 * Whether an answer comes from the provider that was asked.
 *
 * Security decision: checked before the code is sent anywhere. A provider that says it names
 * itself in its answers must do so; one that names another is a mix-up.
 *
 * @throws SignInProblem when it does not.
 * @see RFC 9207, section 2.4
 */
export function checkResponseIssuer(
  issuers: readonly string[],
  metadata: IssuerMetadata | undefined,
): void {
  const [issuer] = issuers;
  const isMissing = issuer === undefined && metadata?.sendsIssuerInResponse === true;
  const isForeign = issuer !== undefined && metadata !== undefined && issuer !== metadata.issuer;
  if (!isMissing && !isForeign && issuers.length < 2) return;
  throw new SignInProblem(
    400,
    "The answer came from the wrong place",
    "It does not name the identity provider that was asked. Nobody was signed in. Start again in the application.",
  );
}

function exchangeAt(endpoint: TokenEndpoint) {
  return (
    code: string,
    parameters: Readonly<Record<string, string>>,
    done: (error: unknown, accessToken?: string, refreshToken?: unknown, all?: object) => void,
  ): void => {
    requestTokens(endpoint, { ...parameters, code }).then(
      (response) =>
        done(null, String(response["access_token"]), response["refresh_token"], response),
      (error: unknown) => done(error),
    );
  };
}

function reasonOf(answer: { readonly kind: string; readonly error?: unknown }): unknown {
  return answer.error ?? new McpSseError("server_error", "the login could not be started");
}
