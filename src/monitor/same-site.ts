import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** What a request says of the page that it comes from: no page can choose these. */
export interface Origins {
  readonly method: string | undefined;
  /** The `Host` field. */
  readonly host: string | undefined;
  /** The `Origin` field. */
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`, which browsers send over https and to loopback. */
  readonly fetchSite: string | undefined;
  /** Whether it is known to have come over https; where it is not, a proxy may have taken that off. */
  readonly isSecure: boolean;
}

/**
 * Whether a POST comes from a page of ours.
 *
 * Security decision: who looks at the monitor is let in by a cookie, a password that the browser keeps, or a
 * network, and all of these come along when a page of another site sends a form here. Only a POST counts, it has
 * to say where it comes from, and that has to be here. Where the browser says in its own words that it is
 * (`same-origin`), a proxy may have changed `Host`; `same-site` is a neighbour, and not enough. A page over http may be
 * anybody's on the way, so it sends nothing over https.
 *
 * @see Fetch Metadata Request Headers, section 2.4; RFC 6454, section 7
 */
export function comesFromHere({ method, host, origin, fetchSite, isSecure }: Origins): boolean {
  if (method !== "POST" || origin === undefined || origin === "null") return false;
  if (fetchSite !== undefined) return fetchSite === "same-origin";
  if (host === undefined) return false;
  return origin === `https://${host}` || (!isSecure && origin === `http://${host}`);
}

/** Whether a stream is asked for by a page of another site, which would hold a place that somebody needs. */
export function isForeign(fetchSite: string | undefined): boolean {
  return fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none";
}

/** How long a form may be left open, in milliseconds. */
const FORM_MS = 3_600_000;

/** 128 bits in base64url. */
const VISIT = /^[\w-]{22}$/;

/** A name for the visit of one browser, which its cookie keeps. */
export function newVisit(): string {
  return randomBytes(16).toString("base64url");
}

export function isVisit(text: string): boolean {
  return VISIT.test(text);
}

/** What a form does, and for which visit. */
export interface FormAct {
  readonly visit: string;
  /** Whose sessions it ends. */
  readonly target: readonly unknown[];
}

/**
 * What makes a form one that was shown here.
 *
 * Security decision: it is bound to the visit, so that what somebody else was shown is worth nothing; to whom it
 * ends, so that nobody is talked into ending another; and to an hour. It is an HMAC rather than a copy of the cookie:
 * a neighbouring site may set cookies, and cannot make this.
 *
 * @see OWASP, Cross-Site Request Forgery Prevention: signed double-submit cookie
 */
export function formToken(key: Buffer, act: FormAct, now = Date.now()): string {
  const until = (now + FORM_MS).toString(36);
  return `${until}.${sign(key, act, until)}`;
}

/** Whether a form was shown here, by one of the keys, for this act, and not too long ago. */
export function isFormToken(
  token: string,
  keys: readonly Buffer[],
  act: FormAct,
  now = Date.now(),
): boolean {
  const [until = "", mac = ""] = token.split(".");
  const isOver = !/^[0-9a-z]{1,11}$/.test(until) || parseInt(until, 36) < now;
  return !isOver && keys.some((key) => isSame(mac, sign(key, act, until)));
}

function sign(key: Buffer, { visit, target }: FormAct, until: string): string {
  return createHmac("sha256", key)
    .update(JSON.stringify([visit, until, target]))
    .digest("base64url");
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
