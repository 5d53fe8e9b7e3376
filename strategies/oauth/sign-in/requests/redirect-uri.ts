import { isLocalToBrowser } from "../../../../src/shared/loopback.js";
import { parseUrl } from "../../../../src/shared/url.js";
/** Where the answer is sent, as far as it matters to whoever decides. */
export type RedirectTarget =
  | { readonly kind: "website"; readonly host: string }
  | { readonly kind: "this-computer"; readonly host: string }
  | { readonly kind: "app"; readonly scheme: string };

/** Longest redirect URI, in characters. */
const MAX_LENGTH = 2_000;

/** The characters of a URI, without those that end a text in HTML or in a policy. @see RFC 3986, section 2 */
const URI_CHARACTERS = /^[\w.~:/?#[\]@!$&()*+,;=%-]+$/;

/** A host by name or by address. Others are valid in a URL, and mean something in a policy: `a;b`. */
const PLAIN_HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/** Two labels or more. @see RFC 8252, section 7.1 */
const REVERSED_DOMAIN = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9][a-z0-9+-]*)+$/;

/** @see RFC 8252, section 7 */
export function redirectTarget(redirectUri: string): RedirectTarget {
  const { protocol, hostname, host } = new URL(redirectUri);
  if (protocol !== "https:" && protocol !== "http:") {
    return { kind: "app", scheme: protocol.slice(0, -1) };
  }
  return { kind: isLocalToBrowser(hostname) ? "this-computer" : "website", host };
}

/**
 * What is wrong with a redirect URI, in words; `undefined` when it may be registered.
 *
 * Security decision: https, or http to this computer, or an app's own scheme. Plain http to
 * another host would carry codes in the clear. An app's own scheme is a reversed domain name, or
 * one that the operator knows: every system has handlers for short schemes (`javascript`,
 * `search-ms`, `ms-msdt`, `smb`) that do more than take an answer, and no list names them all.
 *
 * @param appSchemes Schemes that count although they have no dot.
 * @see OAuth 2.1, section 2.3.1; RFC 8252, section 7.1; RFC 9700, section 4.11
 */
export function faultOfRedirectUri(
  uri: unknown,
  appSchemes: readonly string[],
): string | undefined {
  if (typeof uri !== "string" || uri.length > MAX_LENGTH) return "must only contain URIs";
  const url = parseUrl(uri);
  if (url === undefined) return "must only contain URIs";
  const { username, password, protocol, hostname } = url;
  if (!URI_CHARACTERS.test(uri) || username !== "" || password !== "") {
    return "must have no user name and only characters of URIs";
  }
  const target = redirectTarget(uri);
  if (target.kind === "app") {
    const { scheme } = target;
    if (REVERSED_DOMAIN.test(scheme) || appSchemes.includes(scheme)) return undefined;
    return "must use https, loopback http, or a scheme of the app's own with a dot (com.example.app)";
  }
  if (!PLAIN_HOST.test(hostname)) return "must have a host name of letters, digits, - and .";
  const isInTheClear = protocol === "http:" && target.kind !== "this-computer";
  return isInTheClear ? "must use https, or http to this computer" : undefined;
}

/** Whether a redirect URI tells whose client it is. */
export function isRecognisable(redirectUri: string): boolean {
  if (parseUrl(redirectUri) === undefined) return false;
  return redirectUri.startsWith("https:") && redirectTarget(redirectUri).kind === "website";
}

/**
 * A source of a content policy that covers a URL: its origin, else its scheme.
 *
 * Security decision: what a policy has no word for is never written into it. A `;` ends a
 * directive, a `,` a whole policy, and both may be in the host of a URL; nor is there a word for
 * IPv6 addresses. The scheme covers more, and holds no such character.
 *
 * @see Content Security Policy Level 3, section 2.3.1
 */
export function policySource(url: string): string {
  const { protocol, hostname, origin } = new URL(url);
  return origin !== "null" && /^[a-z0-9._-]+$/.test(hostname) ? origin : protocol;
}

/**
 * Where a form may lead, beside this server: to the client, and on from there.
 *
 * Security decision: browsers apply `form-action` to every redirect after a form, and a client's
 * page may send the browser on, to another site or into its app. Which those are nobody knows
 * here, so every https site may be one, and what runs on this computer.
 */
export function formTargets(redirectUri: string, appSchemes: readonly string[]): readonly string[] {
  const apps = appSchemes.map((scheme) => `${scheme}:`);
  const here = ["http://127.0.0.1:*", "http://localhost:*"];
  return [...new Set(["https:", ...here, ...apps, policySource(redirectUri)])];
}
