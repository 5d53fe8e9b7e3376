import { createHash } from "node:crypto";
import { notAsked } from "../../src/auth/asking.js";
import { MAX_CREDENTIAL_LENGTH } from "../../src/auth/auth-method.js";
import type { McpSseError } from "../../src/shared/errors.js";
import { invalidToken, unavailable } from "../shared/credential-errors.js";
import { deepFreeze } from "../../src/shared/deep-freeze.js";
import { fetchJson } from "../shared/fetch-json.js";
import type { FetchJsonLimits } from "../shared/fetch-json.js";
import { MethodReports } from "../shared/method-reports.js";
import { UpstreamError, unusable } from "../shared/upstream-error.js";
import { authenticatedForm, chooseClientAuth } from "./client-authentication.js";
import type { ClientCredentials } from "./client-authentication.js";
import { ExpiringCache } from "../../src/shared/expiring-cache.js";
import type { IssuerMetadata } from "./published-metadata.js";

/** What the issuer says of an active token; frozen all the way down, because callers share it. */
export type IntrospectedClaims = Readonly<Record<string, unknown>>;

/** How a {@link TokenIntrospection} behaves. */
export interface TokenIntrospectionOptions {
  /** The issuer's metadata, asked for at each look-up; what it throws is passed on. */
  readonly metadata: () => Promise<IssuerMetadata>;
  readonly clientId: string;
  readonly clientSecret: string;
  /**
   * Milliseconds for which an answer counts, and so how long a revoked token may still get in.
   * It never counts past the token's `exp`. 0 asks each time. Default: 30000 (30 seconds).
   */
  readonly cacheMs?: number;
  /** How many answers are kept, of active and of inactive tokens each. Default: 10000. */
  readonly maxEntries?: number;
  /** Milliseconds that the issuer has to answer. Default: 5000 (5 seconds). */
  readonly timeoutMs?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Where it is told what was asked. Default: nowhere. */
  readonly reports?: MethodReports;
}

/** Longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** Longest time for which "not active" counts, in milliseconds: a new token may need a moment to be known everywhere. */
const MAX_INACTIVE_MS = 5000;

/**
 * How many tokens are asked about at the same time. Who sends invented ones cannot be told from
 * who sends new ones, but must neither flood the issuer nor fill this server's memory.
 */
const MAX_LOOKUPS = 64;

/** When to come back after too many others, in seconds: an answer takes less. */
const RETRY_AFTER_CROWD_SECONDS = 1;

/**
 * Asks the issuer whether a token is active, and what it says.
 *
 * It checks nothing but `active`: issuer, audience, expiry and scopes are for the caller to
 * check, as they are for a JWT.
 *
 * @see RFC 7662
 */
export class TokenIntrospection {
  readonly #metadata: () => Promise<IssuerMetadata>;
  readonly #client: ClientCredentials;
  readonly #limits: FetchJsonLimits;
  readonly #cacheMs: number;
  readonly #now: () => number;
  readonly #reports: MethodReports;
  readonly #active: ExpiringCache<IntrospectedClaims>;
  /** Apart from the active ones, so that a flood of invented tokens pushes no real one out. */
  readonly #inactive: ExpiringCache<true>;
  /** Tokens that were active when they were asked about last, also after that answer has expired. */
  readonly #proven = new Set<string>();
  readonly #maxEntries: number;
  readonly #lookups = new Map<string, Promise<IntrospectedClaims>>();

  constructor(options: TokenIntrospectionOptions) {
    const { maxEntries = 10_000, now = Date.now } = options;
    this.#metadata = options.metadata;
    this.#client = { id: options.clientId, secret: options.clientSecret };
    this.#limits = { timeoutMs: options.timeoutMs ?? 5000, maxBytes: MAX_ANSWER_BYTES };
    this.#cacheMs = options.cacheMs ?? 30_000;
    this.#now = now;
    this.#reports = options.reports ?? new MethodReports();
    this.#maxEntries = maxEntries;
    this.#active = new ExpiringCache(maxEntries, now);
    this.#inactive = new ExpiringCache(maxEntries, now);
  }

  /**
   * The claims of an active token, from an answer of at most `cacheMs` ago. Look-ups of one token
   * that happen together are one.
   *
   * @param mayAsk whether the issuer may be asked about a token that was never active before.
   * @throws McpSseError `invalid_token` when the token is not active, `temporarily_unavailable`
   * with `Retry-After` when the issuer gives no usable answer; its `cause` says why.
   */
  async introspect(token: string, mayAsk = true): Promise<IntrospectedClaims> {
    if (!isTokenText(token)) throw invalidToken("that is no access token");
    const key = digestOf(token);
    const claims = this.#active.get(key);
    if (claims !== undefined) return claims;
    if (this.#inactive.get(key) === true) throw notActive();
    const lookup = this.#lookups.get(key);
    if (lookup === undefined && !mayAsk && !this.#proven.has(key)) throw notAsked();
    return await (lookup ?? this.#startLookUp(key, token));
  }

  #startLookUp(key: string, token: string): Promise<IntrospectedClaims> {
    if (this.#lookups.size >= MAX_LOOKUPS) {
      throw cannotAsk(`${MAX_LOOKUPS} tokens are being asked about`, RETRY_AFTER_CROWD_SECONDS);
    }
    const lookup = this.#lookUp(key, token).finally(() => this.#lookups.delete(key));
    this.#lookups.set(key, lookup);
    return lookup;
  }

  async #lookUp(key: string, token: string): Promise<IntrospectedClaims> {
    // An answer is as old as the question: the token may be revoked while it is on its way.
    const askedAt = this.#now();
    const claims = await this.#ask(token);
    if (claims === undefined) {
      this.#inactive.set(key, true, askedAt + Math.min(this.#cacheMs, MAX_INACTIVE_MS));
      this.#proven.delete(key);
      throw notActive();
    }
    this.#active.set(key, claims, countsUntil(claims, askedAt, this.#cacheMs));
    this.#noteProven(key);
    return claims;
  }

  /** The one that was asked about longest ago is forgotten first. */
  #noteProven(key: string): void {
    this.#proven.delete(key);
    this.#proven.add(key);
    if (this.#proven.size <= this.#maxEntries) return;
    const [oldest = key] = this.#proven;
    this.#proven.delete(oldest);
  }

  /** @returns `undefined` when the token is not active. */
  async #ask(token: string): Promise<IntrospectedClaims | undefined> {
    const { introspectionEndpoint: url, introspectionAuthMethods } = await this.#metadata();
    if (url === undefined) throw cannotAsk("the issuer names no introspection_endpoint");
    const method = chooseClientAuth(introspectionAuthMethods);
    if (method === undefined) {
      throw cannotAsk(`${url} takes neither client_secret_basic nor client_secret_post`);
    }
    // The hint saves the issuer a search; it is free to ignore it.
    const parameters = { token, token_type_hint: "access_token" };
    const form = authenticatedForm(method, this.#client, parameters);
    try {
      return await this.#reports.asking("introspection", async () =>
        claimsOf(await fetchJson(url, this.#limits, { method: "POST", ...form })),
      );
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // The method is named because of 401 and 403: those refuse this server's own credentials.
      throw cannotAsk(`${url} ${error.message}, asked as a client with ${method}`);
    }
  }
}

/**
 * The claims in an introspection answer; `undefined` when the token is not active.
 *
 * Security decision: only `true` is active and only `false` is not. Anything else is an endpoint
 * that does not speak this protocol: nobody gets in, and no client is told that its token is bad.
 *
 * @throws UpstreamError without a boolean `active`.
 * @see RFC 7662, section 2.2
 */
export function claimsOf(
  answer: Readonly<Record<string, unknown>>,
): IntrospectedClaims | undefined {
  const { active, ...claims } = answer;
  if (active === false) return undefined;
  if (active !== true) throw unusable('answered without a boolean "active"');
  return deepFreeze(claims);
}

/**
 * Until when an answer counts, in milliseconds since the epoch: `cacheMs` after the question, and
 * never past `exp`. With an `exp` that is no number it does not count beyond this request.
 */
export function countsUntil(claims: IntrospectedClaims, askedAt: number, cacheMs: number): number {
  const { exp } = claims;
  if (exp === undefined) return askedAt + cacheMs;
  return typeof exp === "number" ? Math.min(askedAt + cacheMs, exp * 1000) : askedAt;
}

/** Whether a text can be a token at all; anything else is not worth a request. @see RFC 6749, appendix A.12 */
function isTokenText(token: string): boolean {
  return token.length <= MAX_CREDENTIAL_LENGTH && /^[\x20-\x7e]+$/.test(token);
}

/** Tokens are not kept, not even as keys: only what finds them again. */
function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

function notActive(): McpSseError {
  return invalidToken("the issuer says that the token is not active");
}

/** @param problem For operators; names no token and no secret. */
function cannotAsk(problem: string, retryAfterSeconds?: number): McpSseError {
  const cause = new UpstreamError("unreachable", problem);
  return unavailable("the issuer cannot be asked about the token", cause, retryAfterSeconds);
}
