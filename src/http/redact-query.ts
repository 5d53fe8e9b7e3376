import type { IncomingMessage } from "node:http";
import type { AuthMethod, FoundCredential } from "../auth/auth-method.js";
import { withoutQuery, rawQueryOf } from "../shared/url.js";

/** A request as Express has it. */
type RoutedRequest = IncomingMessage & { originalUrl?: string };

/** What stands in a URL where a credential stood. */
export const REDACTED = "REDACTED";

/** Credentials in the URL have been read, or will not be any more: takes out those of all methods. */
export function redactCredentials(req: RoutedRequest, methods: readonly AuthMethod[]): void {
  if (!`${req.url}${req.originalUrl}`.includes("?")) return;
  for (const { queryParameter } of methods) {
    if (queryParameter !== undefined) redactQuery(req, queryParameter);
  }
}

/**
 * Takes a credential out of the request's URL, wherever a logger or a handler that comes later
 * would find it: `url`, Express's `originalUrl` and parsed `query`.
 */
function redactQuery(req: RoutedRequest, parameter: string): void {
  if (req.url !== undefined) req.url = redactUrl(req.url, parameter);
  if (req.originalUrl !== undefined) req.originalUrl = redactUrl(req.originalUrl, parameter);
  // Express 4 parses the query once and keeps it; Express 5 parses the URL at each access.
  const query = Object.getOwnPropertyDescriptor(req, "query")?.value as unknown;
  if (typeof query === "object" && query !== null) {
    // "??key=…" is a field named "?key" to some parsers, and "key" to others.
    for (const name of [parameter, `?${parameter}`]) {
      if (Object.hasOwn(query, name)) (query as Record<string, unknown>)[name] = REDACTED;
    }
  }
  // parseurl, which Express uses, caches the URL as it was.
  for (const cache of ["_parsedUrl", "_parsedOriginalUrl"]) Reflect.deleteProperty(req, cache);
}

/**
 * The request as it was before its credential was taken out of the URL, to verify it once
 * more. It is another object, so that no other code finds the credential.
 */
export function withCredential(req: IncomingMessage, credential: FoundCredential): IncomingMessage {
  const { place, name, text } = credential;
  if (place !== "query") return req;
  const url = replaceInUrl(req.url ?? "", name, encodeURIComponent(text));
  return Object.create(req, { url: { value: url, writable: true } }) as IncomingMessage;
}

/** The URL with every value of one query parameter replaced, however its name is encoded. */
function redactUrl(url: string, parameter: string): string {
  return replaceInUrl(url, parameter, REDACTED);
}

function replaceInUrl(url: string, parameter: string, value: string): string {
  const query = rawQueryOf(url);
  if (query === undefined) return url;
  const redacted = query.split("&").map((field) => {
    const name = field.split("=", 1)[0] ?? "";
    return new URLSearchParams(name).has(parameter) ? `${name}=${value}` : field;
  });
  return `${withoutQuery(url)}?${redacted.join("&")}`;
}
