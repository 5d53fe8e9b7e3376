import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { cookieText, cookieValues } from "../../../../src/shared/cookies.js";
import { issuerTag } from "../storage/names.js";

/** Authenticates texts, each for a purpose, with keys that are replaced from time to time. */
export interface Authenticates {
  /** Codes for a text, the newest key's first. */
  macs(purpose: string, text: string): readonly string[];
}

/** How long a login may take, from its start to its end: 10 minutes. */
export const LOGIN_TIME_MS = 600_000;

const PURPOSE = "browser";

/** What the cookies of one sign-in are called, and how they are sent. */
export interface CookieNames {
  /** Whether they go over https only. */
  readonly secure: boolean;
  /** Tells the browser that started a login apart from every other. */
  readonly browser: string;
  /** The engine's: who is signed in. */
  readonly session: string;
  /** The engine's: the request that is being answered, on its own path. */
  readonly interaction: string;
  /** The engine's: the request that goes on once it is answered, on its own path. */
  readonly resume: string;
}

/**
 * The cookies' names.
 *
 * Security decision: on https the two that hold for all paths have the prefix `__Host-`, so that
 * no other host of the same domain can set them; the two with a path of their own cannot have it,
 * and have `__Secure-`. Cookies are shared by all ports of a host and by all mounts on it, so each
 * issuer has names of its own; and keys of its own, so that one that was renamed counts for nothing.
 *
 * @see RFC 6265bis, section 4.1.3
 */
export function cookieNames(issuer: string): CookieNames {
  const secure = issuer.startsWith("https:");
  const tag = issuerTag(issuer);
  const host = secure ? "__Host-" : "";
  const path = secure ? "__Secure-" : "";
  return {
    secure,
    browser: `${host}mcp-browser-${tag}`,
    session: `${host}mcp-session-${tag}`,
    interaction: `${path}mcp-interaction-${tag}`,
    resume: `${path}mcp-resume-${tag}`,
  };
}

/**
 * Recognises the browser in which a login was started.
 *
 * Security decision: the cookie is signed, so that nobody who can only set cookies (an insecure
 * neighbour host) can make up one; `HttpOnly`, for no script needs it; `SameSite=Lax`, because the
 * provider's answer is a navigation from another site; without `Domain`, for this host only.
 *
 * @see RFC 9700, section 4.7.1
 */
export class BrowserCookie {
  readonly #names: CookieNames;
  readonly #keys: Authenticates;

  constructor(names: CookieNames, keys: Authenticates) {
    this.#names = names;
    this.#keys = keys;
  }

  /** The browser's id; a new one, with its cookie, when it has none. Ten minutes from now. */
  ensure(req: IncomingMessage, res: ServerResponse): string {
    const id = this.read(req) ?? randomBytes(24).toString("base64url");
    const [mac = ""] = this.#keys.macs(PURPOSE, id);
    const { browser: name, secure: isSecure } = this.#names;
    const cookie = { name, value: `${id}.${mac}`, path: "/", isSecure };
    res.appendHeader("Set-Cookie", cookieText({ ...cookie, maxAge: LOGIN_TIME_MS / 1000 }));
    return id;
  }

  /** The browser's id; `undefined` without a cookie of ours. */
  read(req: IncomingMessage): string | undefined {
    const [id, mac] = (readCookie(req, this.#names.browser) ?? "").split(".");
    if (id === undefined || mac === undefined) return undefined;
    return this.#keys.macs(PURPOSE, id).some((good) => isSameSecret(good, mac)) ? id : undefined;
  }
}

/** A cookie of a request; of several with the same name none, because any could be the wrong one. */
export function readCookie({ headers }: IncomingMessage, name: string): string | undefined {
  const values = cookieValues(headers.cookie, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Compares in a time that tells nothing about where the two differ. */
export function isSameSecret(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Ties a form to the page it was sent with: what a page of another site cannot know. */
export class FormTokens {
  readonly #keys: Authenticates;

  constructor(keys: Authenticates) {
    this.#keys = keys;
  }

  /** @param about What the form decides, and for whom: an interaction, a browser session. */
  create(about: readonly string[]): string {
    return this.#keys.macs("form", JSON.stringify(about))[0] ?? "";
  }

  isGood(token: string | null, about: readonly string[]): boolean {
    const good = this.#keys.macs("form", JSON.stringify(about));
    return token !== null && good.some((candidate) => isSameSecret(candidate, token));
  }
}
