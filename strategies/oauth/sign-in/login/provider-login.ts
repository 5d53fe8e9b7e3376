import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { McpSseError } from "../../../../src/shared/errors.js";
import type { IssuerMetadata } from "../../published-metadata.js";
import { isSameSecret, LOGIN_TIME_MS } from "../requests/browser.js";
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
import { authorizationStrategy, redemptionStrategy } from "./oauth2-strategy.js";
import type { OAuth2Client } from "./oauth2-strategy.js";
import { ownerByRequest } from "../storage/owners.js";
import type { Login } from "../storage/login.js";
import { isTokenRefused } from "./identify.js";
import type { Identify } from "./identify.js";
import { checkProfile } from "./check-profile.js";
import { runStrategy, strategyRequest } from "./run-strategy.js";
import type { MethodReports } from "../../../shared/method-reports.js";
import type { SealedStorage } from "../storage/seal.js";
import type { LoginStep } from "../../options/sign-in-settings.js";
import { requestTokens, toUpstreamTokens } from "./token-client.js";
import type { TokenResponse } from "./token-client.js";

type ProviderStep = Extract<LoginStep, { kind: "provider" }>;

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
  readonly reports: MethodReports;
}

/** A login under way, kept until the provider answers; one answer uses it up. */
interface Transaction extends LoginContext {
  readonly verifier: string;
  readonly nonce: string;
}

/** Where the provider takes requests, and what it says of itself. */
interface Endpoints {
  readonly client: OAuth2Client;
  readonly metadata: IssuerMetadata | undefined;
}

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
      const { client } = await this.#endpoints();
      const nonce = randomBytes(24).toString("base64url");
      const strategy = authorizationStrategy(client, this.#params(nonce), (verifier) =>
        this.#keepTransaction(req, { ...context, verifier, nonce }),
      );
      const asked = strategyRequest(req, { query: new URLSearchParams(), method: "GET" });
      const answer = await runStrategy(strategy, asked);
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
      const { client, metadata } = await this.#endpoints();
      checkResponseIssuer(query.getAll("iss"), metadata);
      const error = query.get("error");
      if (error !== null) return failureOfProvider(uid, error);
      // No parameter may be sent twice: RFC 6749, section 3.1.
      if (query.getAll("code").length !== 1) throw unusable("the answer has no code, or several");
      const strategy = redemptionStrategy(client, transaction.verifier, (response) =>
        this.#toLogin(response, transaction.nonce, metadata),
      );
      const answer = await runStrategy(strategy, strategyRequest(req, { query }));
      if (answer.kind !== "success") return failureOf(uid, answer);
      return { kind: "signed-in", uid, login: answer.user as Login };
    } catch (error) {
      if (error instanceof SignInProblem) throw error;
      return failureOf(uid, { kind: "error", error });
    }
  }

  /** New tokens for an old refresh token. */
  async refresh(refreshToken: string): Promise<TokenResponse> {
    const { client } = await this.#endpoints();
    const parameters = { grant_type: "refresh_token", refresh_token: refreshToken };
    return await requestTokens(client.token, parameters);
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
   * Security decision: taken before it is checked, so that one `state` gets one try, whoever tries.
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
    if (browser === undefined || !isSameSecret(transaction.browser, browser)) throw otherBrowser();
    return transaction;
  }

  /** Keeps a login under way, and says under which `state`. */
  async #keepTransaction(req: IncomingMessage, transaction: Transaction): Promise<string> {
    const state = randomBytes(32).toString("base64url");
    const options = { ttlMs: LOGIN_TIME_MS, owner: ownerByRequest(req) };
    await this.#parts.records.set("LoginTransaction", state, transaction, options);
    return state;
  }

  #params(nonce: string): Readonly<Record<string, string>> {
    const { params, scopes } = this.#parts.step;
    return { ...params, ...(scopes.includes("openid") && { nonce }) };
  }

  /** Asked for with each request, because what the provider publishes may have changed. */
  async #endpoints(): Promise<Endpoints> {
    const { step, clientId, clientSecret, callbackUrl, reports } = this.#parts;
    const { scopes, endpoints } = step;
    const credentials = { id: clientId, secret: clientSecret };
    if (endpoints !== undefined) {
      const { authorizationUrl, tokenUrl } = endpoints;
      const token = { url: tokenUrl, credentials, authMethods: ["client_secret_post"], reports };
      return { client: { authorizationUrl, token, callbackUrl, scopes }, metadata: undefined };
    }
    const metadata = await this.#parts.metadata();
    const { authorizationEndpoint: authorizationUrl, tokenEndpoint, tokenAuthMethods } = metadata;
    if (authorizationUrl === undefined || tokenEndpoint === undefined) {
      throw unusable("the issuer publishes no authorization or no token endpoint");
    }
    const token = { url: tokenEndpoint, credentials, authMethods: tokenAuthMethods, reports };
    return { client: { authorizationUrl, token, callbackUrl, scopes }, metadata };
  }

  async #toLogin(
    response: TokenResponse,
    nonce: string,
    metadata: IssuerMetadata | undefined,
  ): Promise<Login> {
    const { step, identity } = this.#parts;
    const upstream = toUpstreamTokens(response, { scopes: step.scopes });
    const { accessToken } = upstream;
    if (step.profile !== undefined) {
      return { profile: checkProfile(await step.profile(accessToken)), upstream };
    }
    if (metadata === undefined) throw new Error("there is no profile function");
    const idToken = response["id_token"];
    const profile = await identity.find({ idToken, accessToken, nonce }, metadata);
    return { profile, upstream };
  }
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
function checkResponseIssuer(
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

function reasonOf(answer: { readonly kind: string; readonly error?: unknown }): unknown {
  return answer.error ?? new McpSseError("server_error", "the login could not be started");
}
