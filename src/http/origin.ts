/**
 * Where a request may come from: pure decisions about Host, Origin and CORS.
 *
 * What they defend against is a web page that a user has open. The browser attaches the page's
 * origin and the name it looked up; a page can fake neither.
 */

import type { SourceRules } from "../options/source-rules.js";
import { isToken } from "../shared/http-syntax.js";
import { isLocalToBrowser, isLoopbackAddress } from "../shared/loopback.js";

/** What is known of a request before anything else of it counts. */
export interface RequestSource {
  /** The `Host` field. */
  readonly host: string | undefined;
  /** The `Origin` field; browsers send it, other clients do not. */
  readonly origin: string | undefined;
  /** The address at which the request arrived. */
  readonly localAddress: string | undefined;
  /** Whether a proxy that the app trusts forwarded the request. */
  readonly viaTrustedProxy: boolean;
}

/** What to do with a request because of where it comes from. */
export type SourceVerdict = "allowed" | "host-not-allowed" | "origin-not-allowed";

/** Checks Host first, since the meaning of a same-origin request depends on it. */
export function checkSource(source: RequestSource, rules: SourceRules): SourceVerdict {
  const host = checkHost(source, rules);
  if (host === "refused") return "host-not-allowed";
  if (source.origin === undefined) return "allowed";
  const allowed =
    isListedOrigin(source.origin, rules) ||
    // A page of this very server may call it, but only under a name that is known to be ours:
    // after DNS rebinding a foreign page is same-origin too.
    (host === "known" && isSameOrigin(source));
  return allowed ? "allowed" : "origin-not-allowed";
}

/** `known`: vouched for by the operator or by loopback; `unchecked`: any name would do. */
type HostVerdict = "known" | "unchecked" | "refused";

/**
 * Whether the request may use this Host.
 *
 * Security decision: on loopback only loopback names are taken, because a public name that
 * resolves to a loopback address is how a web page reaches a server on its user's machine (DNS
 * rebinding). A trusted proxy is the operator's statement that requests come from elsewhere.
 *
 * An address needs no resolving, so none can be rebound: where a request names the very address
 * at which it arrived, that is us, and a page of the same origin is a page of ours. Only that one
 * is taken. `0.0.0.0`, which leads to loopback as well, gets a page around what browsers do to keep
 * it away from there, and no client needs it.
 */
function checkHost(source: RequestSource, rules: SourceRules): HostVerdict {
  const { host } = source;
  const name = host === undefined ? undefined : hostName(host);
  const isPublic = rules.publicUrl !== undefined && name === hostName(rules.publicUrl.host);
  if (isPublic) return "known";
  if (rules.allowedHosts !== undefined) {
    return host !== undefined && isListedHost(host, rules.allowedHosts) ? "known" : "refused";
  }
  if (source.viaTrustedProxy) return "unchecked";
  if (name !== undefined && isOwnAddress(name, source.localAddress)) return "known";
  if (isLoopbackAddress(source.localAddress))
    return name !== undefined && isLocalToBrowser(name) ? "known" : "refused";
  return "unchecked";
}

/** Whether a Host names the address at which the request arrived; both are in their canonical form. */
function isOwnAddress(name: string, localAddress: string | undefined): boolean {
  // A Unix socket has none, and a Host without a name does not name it.
  if (localAddress === undefined) return false;
  const address = localAddress.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  return name === (address.includes(":") ? `[${address}]` : address);
}

function isListedHost(host: string, allowed: readonly string[]): boolean {
  const lower = host.toLowerCase();
  return allowed.some((entry) => {
    const wanted = entry.toLowerCase();
    return wanted === lower || wanted === hostName(lower);
  });
}

function isListedOrigin(origin: string, { allowedOrigins, publicUrl }: SourceRules): boolean {
  return (
    allowedOrigins.includes("*") ||
    allowedOrigins.includes(origin) ||
    // "null", the origin of sandboxed pages and files, is never listed by accident.
    origin === publicUrl?.origin
  );
}

function isSameOrigin({ origin, host }: RequestSource): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** The name in `name:port`, in lower case; IPv6 addresses keep their brackets. */
export function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}

/** The CORS answer, for the `cors` package. */
export interface CorsPolicy {
  readonly allowedOrigins: readonly string[];
  /** Methods of the transports. */
  readonly methods: readonly string[];
  /** Headers that the transports and the authentication methods read. */
  readonly requestHeaders: readonly string[];
  /** How names begin of which the transports read any. */
  readonly requestHeaderPrefixes: readonly string[];
  /** Headers of the transports' answers that clients must see. */
  readonly responseHeaders: readonly string[];
  readonly credentials: boolean;
}

/** What the `cors` package is told. */
interface CorsAnswer {
  readonly origin: string[] | "*";
  readonly methods: string[];
  readonly allowedHeaders: string[];
  readonly exposedHeaders: string[];
  readonly credentials: boolean;
  readonly maxAge: number;
}

/**
 * Options for the `cors` package.
 *
 * `WWW-Authenticate` is exposed, because a browser client that cannot read the challenge cannot
 * start its login. Credentials are never combined with `*`.
 *
 * @param asked the header names of a preflight, as they came.
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsOptions(policy: CorsPolicy, asked = ""): CorsAnswer {
  const { allowedOrigins, methods, requestHeaders, responseHeaders, credentials } = policy;
  const any = allowedOrigins.includes("*");
  return {
    origin: any ? "*" : [...allowedOrigins],
    methods: [...methods, "OPTIONS"],
    allowedHeaders: [
      ...new Set(["Authorization", "Content-Type", "Mcp-Protocol-Version", ...requestHeaders]),
      ...headersLike(policy.requestHeaderPrefixes, asked),
    ],
    exposedHeaders: ["WWW-Authenticate", "Retry-After", ...responseHeaders],
    credentials: credentials && !any,
    maxAge: 600,
  };
}

/**
 * Security decision: of what a page says that it will send, only what is a name, and begins like one
 * that a transport reads, is said back.
 */
function headersLike(prefixes: readonly string[], asked: string): readonly string[] {
  const names = asked.split(",").map((name) => name.trim().toLowerCase());
  const isLike = (name: string): boolean =>
    prefixes.some((prefix) => name.startsWith(prefix.toLowerCase()));
  return names.filter((name) => isToken(name) && isLike(name));
}
