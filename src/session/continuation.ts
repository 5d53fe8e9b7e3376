import { hash } from "node:crypto";
import { cookiesIn } from "../shared/cookies.js";
import { rawQueryOf } from "../shared/url.js";
import type { Requester, Rights } from "./requester.js";
import { canonical, isSameValue } from "./same-value.js";

/** What has to be the same beside the owner. */
export interface ContinuationRules {
  /** Claims that must not differ. */
  readonly boundClaims: readonly string[];
  /** Headers that must not differ, in lower case. */
  readonly boundHeaders: readonly string[];
  /** Query parameters that say nothing to `createServer`: our own, and credentials. */
  readonly ownParameters: readonly string[];
  /** Cookies of our own, which a client has once it was answered. */
  readonly ownCookies: readonly string[];
  /** Headers with credentials, in lower case, beside `authorization`. */
  readonly credentialHeaders: readonly string[];
}

/** Of sessions that nobody but their owner's key tells apart. */
export const NO_RULES: ContinuationRules = {
  boundClaims: [],
  boundHeaders: [],
  ownParameters: [],
  ownCookies: [],
  credentialHeaders: [],
};

/**
 * Whether a request may go on with a session: by sending it a message, or by listening to
 * it.
 *
 * Security decision: a session's server was made for what `createServer` was shown. So the caller
 * must be its owner, at the same mount, with at least the scopes that the session has by now, and
 * with the same organisation, tenant and roles; and whoever listens must ask with the same query. A no
 * is the answer for a session that does not exist.
 */
export function mayContinue(
  by: Continuing,
  asker: Requester,
  session: Requester,
  rules: ContinuationRules,
): boolean {
  if (asker.ownerKey !== session.ownerKey || asker.mount !== session.mount) return false;
  if (!permitsAsMuch(asker.principal, session.principal, rules.boundClaims)) return false;
  if (!haveSameHeaders(asker.request, session.request, rules.boundHeaders)) return false;
  if (by === "message") return true;
  return (
    asker.path === session.path &&
    comparedQuery(asker.request, rules.ownParameters) ===
      comparedQuery(session.request, rules.ownParameters)
  );
}

/**
 * Whether nothing that `createServer` could have looked at tells two requests to listen apart:
 * for guessing that a client which names no session is the one that made the other.
 *
 * Security decision: every header counts unless it is known to differ from request to request, or
 * from connection to connection. A header that is counted in vain costs a new session; one that is
 * passed over in vain gives a client a server that was made for another.
 */
export function isSameRequest(
  asker: Requester,
  session: Requester,
  rules: ContinuationRules,
): boolean {
  if (!mayContinue("listen", asker, session, rules)) return false;
  const names = [asker, session].flatMap(({ request }) => Object.keys(request.headers));
  const telling = names.filter(
    (name) =>
      name !== "cookie" && !isPassingHeader(name) && !rules.credentialHeaders.includes(name),
  );
  return (
    cookiesOf(asker.request, rules) === cookiesOf(session.request, rules) &&
    haveSameHeaders(asker.request, session.request, telling)
  );
}

/** What is kept of a request that opened a session, where the request itself is not. */
export interface Standing {
  /** Of all that must be the same. */
  readonly digest: string;
  /** Those that its credential held at least. */
  readonly scopes: readonly string[];
}

/** How a request goes on with a session; see {@link mayContinue}. */
export type Continuing = "message" | "listen";

/**
 * @param by default: by listening.
 * @returns `undefined` for claims that have no form in which they could be compared later.
 */
export function standingOf(
  opener: Requester,
  rules: ContinuationRules,
  by: Continuing = "listen",
): Standing | undefined {
  const digest = sameness(opener, rules, by);
  return digest === undefined ? undefined : { digest, scopes: rightsOf(opener.principal).scopes };
}

/**
 * Whether a request may go on with a session of which only that is known.
 *
 * Security decision: the one of {@link mayContinue}, on digests of what is compared there.
 */
export function hasStanding(
  asker: Requester,
  kept: Standing,
  rules: ContinuationRules,
  by: Continuing = "listen",
): boolean {
  return (
    sameness(asker, rules, by) === kept.digest &&
    holdsAll(rightsOf(asker.principal).scopes, kept.scopes)
  );
}

/** A digest of all that must be the same. JSON keeps the parts apart, whatever they contain. */
function sameness(
  { ownerKey, principal, mount, path, request }: Requester,
  { boundClaims, boundHeaders, ownParameters }: ContinuationRules,
  by: Continuing,
): string | undefined {
  const { claims } = rightsOf(principal);
  const bound = [
    ...boundClaims.map((name) => [name, canonical(own(claims, name))]),
    ...boundHeaders.map((name) => [name, canonical(request.headers[name])]),
  ];
  if (bound.some(([, value]) => value === undefined)) return undefined;
  const place = by === "message" ? [] : [path, comparedQuery(request, ownParameters)];
  return hash("sha256", JSON.stringify([ownerKey, mount, ...place, bound]), "base64url");
}

/** All but our own. */
function cookiesOf(
  { headers: { cookie } }: Requester["request"],
  { ownCookies }: ContinuationRules,
): string {
  const isOwn = (pair: string): boolean => ownCookies.some((name) => pair.startsWith(`${name}=`));
  return cookiesIn(cookie)
    .filter((pair) => !isOwn(pair))
    .join("; ");
}

/**
 * Headers that say something about this one request, its connection, or the way that it took.
 * Credentials are compared as rights; `x-forwarded-host` and `-proto` may choose a tenant and count.
 */
const PASSING_HEADER = new RegExp(
  `^(?:${[
    // Who calls, and what was heard before.
    "authorization|last-event-id|mcp-protocol-version|mcp-session-id",
    // The connection, and what may be kept of an answer. @see RFC 9110, section 7.6.1
    "connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|http2-settings",
    "content-length|date|age|cache-control|pragma|if-none-match|if-modified-since|priority|alt-used",
    // The way. @see RFC 7239
    "via|forwarded|max-forwards|x-forwarded-for|x-forwarded-port|x-real-ip|x-client-ip",
    "true-client-ip|cf-connecting-ip|cf-ray|x-envoy-.*|x-amz-cf-id|fly-request-id",
    // Tracing. @see https://www.w3.org/TR/trace-context/
    "traceparent|tracestate|baggage|b3|x-b3-.*|x-(?:request|correlation|trace|amzn-trace)-id",
    "request-id|correlation-id|x-request-start|x-cloud-trace-context|x-datadog-.*|sentry-trace",
    "uber-trace-id|elastic-apm-traceparent|newrelic",
  ].join("|")})$`,
);

/** Whether a header differs from request to request of one client. @param name in lower case. */
export function isPassingHeader(name: string): boolean {
  return PASSING_HEADER.test(name);
}

/**
 * Whether one principal may do all that another may, and is the same in every claim that counts.
 *
 * Scopes are compared as they are held. That one of them may cover another is for each method's
 * rule to say, about what an endpoint needs, and not about what a server was made for.
 */
function permitsAsMuch(asker: unknown, owner: unknown, boundClaims: readonly string[]): boolean {
  if (asker === owner) return true;
  const [mine, theirs] = [rightsOf(asker), rightsOf(owner)];
  return (
    holdsAll(mine.scopes, theirs.scopes) &&
    boundClaims.every((name) => isSameValue(own(mine.claims, name), own(theirs.claims, name)))
  );
}

/** Whether a principal holds a scope that another lacks. */
export function permitsMore(asker: unknown, owner: unknown): boolean {
  return asker !== owner && !holdsAll(rightsOf(owner).scopes, rightsOf(asker).scopes);
}

/** By a set, because a token may name thousands. */
function holdsAll(held: readonly string[], needed: readonly string[]): boolean {
  if (needed.length === 0) return true;
  const all = new Set(held);
  return needed.every((scope) => all.has(scope));
}

/** What is in a token only to tell it from the one before. @see RFC 7519, section 4.1 */
const TOKEN_CLAIMS: ReadonlySet<string> = new Set(["exp", "nbf", "iat", "jti"]);

/** Whether a principal differs from another in more than the token that it came with. */
export function saysOtherwise(asker: unknown, owner: unknown): boolean {
  const [mine, theirs] = [rightsOf(asker).claims, rightsOf(owner).claims];
  const names = [...Object.keys(mine), ...Object.keys(theirs)];
  return names.some(
    (name) => !TOKEN_CLAIMS.has(name) && !isSameValue(own(mine, name), own(theirs, name)),
  );
}

function rightsOf(principal: unknown): Required<Rights> {
  const { scopes = [], claims = {} } = (principal ?? {}) as Rights;
  return { scopes, claims };
}

/** A claim may be called like something that every object inherits. */
function own(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function haveSameHeaders(
  one: Requester["request"],
  other: Requester["request"],
  names: readonly string[],
): boolean {
  return (
    names.length === 0 || names.every((name) => isSameValue(one.headers[name], other.headers[name]))
  );
}

/** The fields of a query that may mean something to `createServer`, as they were written. */
function comparedQuery(
  { url = "" }: Requester["request"],
  ownParameters: readonly string[],
): string {
  const fields = rawQueryOf(url)?.split("&") ?? [];
  return fields.filter((field) => !ownParameters.includes(nameOf(field))).join("&");
}

/** The name of a field, however it is encoded. The question mark is no part of a field. */
function nameOf(field: string): string {
  const [name = ""] = new URLSearchParams(`?${field}`).keys();
  return name;
}
