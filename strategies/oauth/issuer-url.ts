import { checkText, optionError } from "../../src/shared/check.js";
import { isSecureUrl } from "../../src/shared/loopback.js";
import { parseUrl } from "../../src/shared/url.js";

/**
 * Checks an issuer URL that an operator wrote, and returns it as written: issuers are compared
 * character by character, so nothing is normalised here.
 *
 * Security decision: `https` is required, because whoever can change what the issuer answers
 * decides who gets in. The exception is this machine itself, for development.
 *
 * @param option Name of the option, for the error.
 * @throws TypeError for anything but an absolute `https` URL (`http` on a loopback host) without
 * credentials, query and fragment. It never repeats the value, which may hold a password.
 * @see RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3
 */
export function checkIssuerUrl(option: string, value: unknown): string {
  const text = checkText(option, value);
  const fault = faultOf(text);
  if (fault !== undefined) throw optionError(option, fault[0], fault[1]);
  return text;
}

const EXAMPLE = 'Write the issuer\'s URL, such as "https://auth.example.com".';

/** What is wrong with an issuer URL, and what to write instead. */
function faultOf(text: string): readonly [problem: string, instead: string] | undefined {
  // The URL parser repairs what it reads: it drops line breaks, turns "\" into "/" and takes
  // "https:host". The text itself is compared and sent to clients, so it must need no repair.
  if (/[^!-~]|\\/.test(text)) {
    return [
      "has a space, a line break or a character that is not allowed in a URL",
      "Write it without, and names beyond ASCII in their encoded form.",
    ];
  }
  const url = /^https?:\/\/[^/]/i.test(text) ? parseUrl(text) : undefined;
  if (url === undefined) return ["is no http URL", EXAMPLE];
  // On the text, because the parsed URL hides an empty user name, query or fragment.
  if (/^[^/]*\/\/[^/]*@/.test(text)) {
    return ["has credentials in it", "Give them as clientId and clientSecret."];
  }
  if (text.includes("?") || text.includes("#")) {
    return ["has a query or a fragment", "An issuer has neither: leave them out."];
  }
  if (url.pathname.includes("/.well-known/")) {
    return ["is the URL of the metadata", "Write the issuer that the metadata names."];
  }
  if (!isSecureUrl(url)) {
    return ["must use https", "Plain http is for localhost, 127.0.0.1 and [::1] only."];
  }
  return undefined;
}

/**
 * Where an issuer may publish its metadata, in the order in which to ask: RFC 8414, OpenID
 * Connect in the same form, OpenID Connect in its own form. A trailing slash of the issuer is
 * no part of these URLs.
 *
 * @param issuerUrl As {@link checkIssuerUrl} returned it.
 * @see RFC 8414, sections 3.1 and 5; OpenID Connect Discovery 1.0, section 4.1
 */
export function metadataUrls(issuerUrl: string): readonly string[] {
  const { origin, pathname } = new URL(issuerUrl);
  const path = pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ]),
  ];
}

/**
 * Whether the published issuer is the configured one.
 *
 * Security decision: the two are compared as strings, as the specification demands, with one
 * tolerance: a single slash at the end. Auth0 and authentik publish an issuer with it and Google
 * one without, whichever of the two their documentation shows. It lets nobody else in: both
 * spellings have the same metadata URLs, so whoever publishes one also publishes the other. Case,
 * default ports, dot segments and percent-encoding are not normalised.
 *
 * @see RFC 8414, sections 3.3 and 4
 */
export function sameIssuer(configured: string, published: string): boolean {
  return withoutLastSlash(configured) === withoutLastSlash(published);
}

function withoutLastSlash(issuer: string): string {
  return issuer.endsWith("/") ? issuer.slice(0, -1) : issuer;
}
