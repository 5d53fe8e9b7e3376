import type { IncomingMessage, ServerResponse } from "node:http";
import type { UpstreamToken } from "../shared/upstream-token.js";
import type { Principal, PrincipalInit } from "./principal.js";

/**
 * A Passport strategy, as far as this package needs to know it. Every strategy from npm is one;
 * Passport itself adds `success`, `fail`, `error`, `redirect` and `pass` before it calls
 * `authenticate`.
 *
 * @see https://www.passportjs.org/concepts/authentication/strategies/
 */
export interface PassportStrategy {
  name?: string | undefined;
  /** Looks at a request, and says by one of the functions that Passport added what it makes of it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- strategies narrow `req` to what they read
  authenticate(req: any, options?: any): any;
}

/** One `WWW-Authenticate` challenge. @see RFC 9110, section 11.6.1 */
export interface Challenge {
  /** Authentication scheme: `"Bearer"`, `"Basic"`, `"ApiKey"`. */
  readonly scheme: string;
  /** Parameters, written as quoted strings in this order. */
  readonly params?: Readonly<Record<string, string>>;
}

/** A credential that a request carries, whether it is any good or not. */
export interface FoundCredential {
  /** Where it stood. A query credential is advertised again in the endpoint event and redacted from `req.url`. */
  readonly place: "bearer" | "header" | "query";
  /** Name of the header (lower case) or of the query parameter. */
  readonly name: string;
  /** The credential itself. Never logged, never put into an error. */
  readonly text: string;
}

/**
 * The contract of an authentication method; everything in `strategies/` implements it, and so
 * can you. It wraps Passport strategies with what Passport does not know: where the credential
 * stands, what a success means, and which challenge helps.
 *
 * **You implement** `name`, `strategies` and `principal`; the rest is optional and makes answers
 * more precise. **We call**, for each request, in this order: `findCredential`; if that finds
 * nothing, no strategy runs; otherwise each strategy in turn, until one succeeds; then
 * `principal` with what it succeeded with; then the scope check.
 *
 * What a strategy's answer means:
 *
 * | the strategy | outcome |
 * |---|---|
 * | `success(user, info)` | `principal(user, info)` is let in |
 * | `fail(…)` | 401: the next strategy is tried, then the next method |
 * | `fail(new McpSseError("invalid_token", …, { cause: EXPIRED_CREDENTIAL }))` | 401, and it does not count towards `throttle` |
 * | `fail(…, 403)` or `fail(new McpSseError("insufficient_scope", …))` | 403: the caller is known and lacks a permission |
 * | `fail(new McpSseError("missing_credential", …))` | the credential is left to the next method; 401 if none takes it |
 * | `fail` or `error` with `new McpSseError("temporarily_unavailable", …)` | 503 with `Retry-After`: nothing can be said of the credential |
 * | `error(err)`, a throw, a rejection | 503: an exception is never "invalid token" |
 * | `redirect(url)` | 401: an MCP route never follows a login redirect |
 * | `pass()` | 401: the strategy did not say yes |
 * | nothing within `timeoutMs` | 503 |
 *
 * The first answer counts; later ones are ignored.
 */
export interface AuthMethod {
  /**
   * Becomes {@link Principal.method}, and part of the key that owns sessions. Unique within `auth`,
   * unless the methods that share it have {@link AuthMethod.issuers}.
   */
  readonly name: string;

  /**
   * The issuers of which each principal names one as its `issuer`. Methods that have it may share
   * a name: their callers are told apart by issuer, and whoever shares an issuer too vouches for
   * the same callers. Default: principals name any issuer, or none.
   */
  readonly issuers?: readonly string[];

  /** Tried in order until one succeeds. */
  readonly strategies: readonly PassportStrategy[];

  /**
   * What a success means. Runs once for each request that a strategy accepted.
   *
   * A throw, a rejection, or a principal without an id is a mistake of the server: 503, logged,
   * nobody is let in.
   */
  principal(user: unknown, info: unknown): PrincipalInit | Promise<PrincipalInit>;

  /**
   * What a success with this principal stands on, as a value to compare with `===`. While it is
   * the same, the same credential is not verified again for `advanced.revalidateAfterMs` on the
   * POSTs of its session; expiry is always looked at. `undefined` stands for a success that counts
   * for its own request only, because the credential may be revoked without this method knowing.
   * Cheap and synchronous; a throw counts as `undefined`. Default: `undefined`.
   *
   * @param info what the strategy succeeded with beside the user.
   */
  revision?(principal: Principal, info: unknown): unknown;

  /**
   * Whether the text that `findCredential` finds decides all by itself who is let in: not where it
   * came from, and nothing else in the request. Then, with a `revision`, a success counts for as long
   * for requests that belong to no session, too: those of 2026-07-28, and those of `router.guard`.
   * Default: false.
   */
  readonly credentialDecides?: boolean;

  /**
   * The credential that this method would verify, or `undefined` when the request carries none:
   * then the answer is a challenge without `error=`. Must not throw.
   *
   * Default: unknown. The strategies always run, and a failure counts as "no credential" unless
   * the request has an `Authorization` header.
   */
  findCredential?(req: IncomingMessage): FoundCredential | undefined;

  /** Challenge for 401 and 403. Default: the string the strategy failed with, if any. */
  readonly challenge?: Challenge;

  /** Where callers are expected to put the credential, in words, for 401 bodies and logs: `["Authorization: Bearer"]`. */
  readonly searched?: readonly string[];

  /** Request headers that browsers must be allowed to send, beside `Authorization`. Default: none. */
  readonly requestHeaders?: readonly string[];

  /** Query parameter that may hold the credential; it is redacted from `req.url` once read. Default: none. */
  readonly queryParameter?: string;

  /** Whether tools may see a bearer credential as `authInfo.token`: true for tokens, false for keys. Default: false. */
  readonly exposesToken?: boolean;

  /** Scopes that every caller needs; 403 `insufficient_scope` without them. Default: none. */
  readonly scopes?: ScopeRule;

  /** Milliseconds that the strategies and `principal` may take together. Default: 10000 (10 seconds). */
  readonly timeoutMs?: number;

  /** Seconds for which a credential counts beyond its `expiresAt`, because clocks differ. Default: 0. */
  readonly clockTolerance?: number;

  /**
   * Issuers whose access tokens the method takes. Having this turns on protected-resource
   * metadata, and challenges that point to it. Default: none.
   *
   * @see RFC 9728
   */
  authorizationServers?(): readonly string[];

  /**
   * Prepares the method. `MCPServer.start()` and `router.ready()` wait for it and fail with it;
   * a router that nobody asked prepares itself when the first request needs it.
   */
  start?(): Promise<void>;

  /** Routes of the method's own below the mount, such as those of a sign-in. Default: none. */
  readonly endpoints?: AuthEndpoints;

  /**
   * The token that the identity provider gave for a caller of this method, for
   * `session.upstream()`. Rejects when there is none (any more). Default: there are none.
   */
  upstream?(principal: Principal): Promise<UpstreamToken>;

  /** Gives back what the method holds, when the router is closed. Default: it holds nothing. */
  stop?(): Promise<void>;

  /** What an operator should mend although it works, for the log when the endpoint is built. Default: none. */
  readonly warnings?: readonly string[];

  /** Is told where to say what an operator should know and what shows only later. Default: nothing to say. */
  reportTo?(warn: (message: string) => void): void;

  /** Is told, before anything else, who hears of what only the method knows. Default: nothing to tell. */
  observe?(observer: MethodObserver): void;
}

/** What a method has asked of somebody else, such as its issuer, and what came of it. */
export interface UpstreamRequest {
  readonly request: "jwks" | "metadata" | "introspection" | "token" | "other";
  readonly outcome: "ok" | "failed";
  /** Whether what is known from before serves, where no answer came. */
  readonly usesStale: boolean;
  /** Milliseconds. */
  readonly durationMs: number;
}

/** What has become of a client's access to a method that is an authorization server itself. */
export interface SignInStep {
  /**
   * A person lets a client act for them, or does not; a client gets tokens, with a code or by refreshing; what
   * clients were given is taken back, by them, by the person or by the operator.
   */
  readonly event: "approved" | "denied" | "redeemed" | "revoked";
  /** As in `principal.id`; `undefined` where only the client is known. */
  readonly person: string | undefined;
  readonly issuer: string;
  /** `undefined` for all clients of the person. */
  readonly clientId: string | undefined;
}

/** Hears of what only a method knows. Must not throw. */
export interface MethodObserver {
  /** The method has asked somebody: an issuer, an introspection endpoint. */
  upstream(asked: UpstreamRequest): void;
  /** Whether anybody wants to hear of sign-ins by now: else they need not be looked up. */
  readonly hearsSignIns: boolean;
  /** A person or a client has come one step further in a sign-in, or was stopped. */
  signIn(step: SignInStep): void;
}

/**
 * The routes of a method that is an authorization server itself. They take Node's request and
 * response; `Host` and `Origin` have been checked, and CORS headers are set, before `handle`.
 */
export interface AuthEndpoints {
  /** Identifier of the authorization server: the URL of the mount. @see RFC 8414, section 2 */
  readonly issuer: string;
  /** Path below the mount at which the routes begin: `"/oauth"`. */
  readonly prefix: string;
  /** Its metadata, served below the mount and by `router.wellKnown`. @see RFC 8414, section 3 */
  metadata(): Readonly<Record<string, unknown>>;
  /**
   * Whether a form from another site may be posted to a path, as the answers of some identity
   * providers are. Its `Origin` is then not checked. Default: nowhere.
   */
  takesForeignForms?(path: string): boolean;
  /**
   * Answers a request.
   *
   * @param path Path below the mount; it begins with `prefix`.
   * A throw or rejection is answered as an error of the endpoint: JSON, logged.
   */
  handle(req: IncomingMessage, res: ServerResponse, path: string): Promise<void>;
  /**
   * Ends what a person was given here, so that their tokens are refused from now on. `person` is
   * the `id` of their principals, whose `issuer` is this one.
   */
  endFor(person: string): Promise<void>;
}

/** Which scopes are needed, and when they count as granted. */
export interface ScopeRule {
  readonly required: readonly string[];
  /**
   * Whether `granted` covers `required`; for hierarchies such as `admin` covering `read`.
   * A throw refuses the caller with 503. Default: `granted` contains `required`.
   */
  satisfies?(required: string, granted: readonly string[]): boolean;
}

/** Longest credential that is looked at. Longer ones are refused before any work is spent on them. */
export const MAX_CREDENTIAL_LENGTH = 65_536;

/**
 * The bearer token of a request. The scheme is compared without case, as HTTP demands.
 *
 * @returns `undefined` without an `Authorization: Bearer` header; an empty string for one
 * without a token, which no method accepts.
 * @see RFC 9110, section 11.1; RFC 6750, section 2.1
 */
export function findBearer(req: IncomingMessage): FoundCredential | undefined {
  const value = req.headers.authorization;
  if (value === undefined) return undefined;
  const match = /^bearer(?: +|$)/i.exec(value);
  if (match === null) return undefined;
  return { place: "bearer", name: "authorization", text: value.slice(match[0].length).trim() };
}
