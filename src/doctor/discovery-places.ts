import { WELL_KNOWN_PATH } from "../auth/protected-resource.js";
import { isSecureUrl } from "../shared/loopback.js";
import { metadataUrls } from "../../strategies/oauth/issuer-url.js";
import type { Reply } from "./contract.js";
import { readChallenges } from "./read-challenge.js";
import { parseUrl } from "../shared/url.js";

/** Where the document about a resource is looked for: as its challenge says, for its path, at the root. */
export type ResourcePlace = "challenge" | "path" | "root";

/**
 * Where clients that were told no place look for the document about a URL.
 *
 * @see RFC 9728, section 3.1; MCP 2025-11-25, Authorization, "Protected Resource Metadata Discovery Requirements"
 */
export function resourcePlaces({
  origin,
  pathname,
}: URL): readonly (readonly [ResourcePlace, URL])[] {
  const path = pathname.replace(/\/$/, "");
  const root = ["root", new URL(WELL_KNOWN_PATH, origin)] as const;
  return path === "" ? [root] : [["path", new URL(WELL_KNOWN_PATH + path, origin)], root];
}

/** What the challenges of some answers call `resource_metadata`, without repetition. */
export function namedResourceMetadata(replies: readonly (Reply | undefined)[]): readonly string[] {
  const named = replies.flatMap((reply) =>
    reply?.kind !== "answered"
      ? []
      : readChallenges(reply.headers.get("www-authenticate")).map(({ params }) =>
          params.get("resource_metadata"),
        ),
  );
  return [...new Set(named.filter((url) => url !== undefined))];
}

/** Whether a text is a URL that needs no repair. Whether it may be asked, `Ask` says. */
export function isSound(text: string): boolean {
  return /^https?:\/\/[!-~]+$/i.test(text) && parseUrl(text) !== undefined;
}

/** What is wrong with a URL that a document names, if anything is; continues "is …" or "has …". */
export function faultOfNamedUrl(text: string): string | undefined {
  if (/[^!-~]|\\/.test(text)) return "has a character that no URL has";
  const url = /^https?:\/\/[^/]/i.test(text) ? parseUrl(text) : undefined;
  if (url === undefined) return "is no http URL";
  if (url.username !== "" || url.password !== "") return "has a user name or password in it";
  return isSecureUrl(url) ? undefined : "is plain http, and not on this machine";
}

/**
 * Where clients look for an issuer's metadata, in their order.
 *
 * @returns nothing for what is no http URL.
 * @see RFC 8414, sections 3.1 and 5; OpenID Connect Discovery 1.0, section 4.1
 */
export function issuerPlaces(issuer: string): readonly URL[] {
  if (!/^https?:\/\/[^/]/i.test(issuer) || parseUrl(issuer) === undefined) return [];
  return metadataUrls(issuer).map((url) => new URL(url));
}
