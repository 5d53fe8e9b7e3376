import type { IncomingHttpHeaders } from "node:http";
import type { AuthMethod, FoundCredential } from "../auth/auth-method.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { Mount } from "../http/mount.js";
import { REDACTED } from "../http/redact-query.js";
import { NEVER_CARRIED } from "../options/cluster-options.js";
import { rawQueryOf, withoutQuery } from "../shared/url.js";

/** What operators and methods say of headers, in lower case. */
export interface HeaderRules {
  /** Those that must not differ within a session. */
  readonly boundHeaders: readonly string[];
  /** Those in which methods look for credentials. */
  readonly credentialHeaders: readonly string[];
}

/** What of a request leaves the node at which it arrived, beside its body. */
export interface TravellingParts {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly originalUrl: string | undefined;
  readonly mount: Omit<Mount, "trustsProxy">;
}

/** What the wires read, what tells clients apart, and what a trace needs. */
const ALLOWED =
  /^(?:mcp-.*|accept|content-type|host|last-event-id|origin|user-agent|x-mcp-instance|sec-fetch-site|traceparent|tracestate|baggage|b3|x-b3-.*|x-(?:request|correlation)-id)$/;

/** Whatever an operator binds, and whatever a method does not say that it reads. */
const NEVER: ReadonlySet<string> = new Set(NEVER_CARRIED);

/** Shorter texts may stand somewhere by chance, such as a password that is a word. */
const TELLING_LENGTH = 8;

/**
 * What of a request another node is told.
 *
 * Security decision: by name, nothing goes that is not known to be needed, whatever else a proxy or a
 * client has added; and nothing in which a method of this endpoint looks for a credential, found there
 * or not. By value, nothing goes that holds a credential which this request has shown, so one that is
 * repeated where no method looks stays here as well. Credentials in the query were taken out when the
 * caller was identified, and are taken out again, since not every method says where it looks.
 *
 * @throws Error for a path with a credential, which no node could do without.
 */
export function travellingParts(
  { req, mount, caller }: Pick<AdmittedRequest, "req" | "mount" | "caller">,
  methods: readonly AuthMethod[],
  rules: HeaderRules,
): TravellingParts {
  const found = methods.flatMap((method) => method.findCredential?.(req) ?? []);
  const shown = new ShownCredentials([...found, ...(caller.credential ? [caller.credential] : [])]);
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value === undefined || !mayTravel(name, rules, shown)) continue;
    if (!shown.areIn(String(value))) headers[name] = value;
  }
  const { url = "", originalUrl } = req;
  const { base, routedBase, origin } = mount;
  checkPath(base, shown);
  checkPath(routedBase, shown);
  return {
    headers,
    url: withoutCredentials(url, shown),
    originalUrl: originalUrl === undefined ? undefined : withoutCredentials(originalUrl, shown),
    mount: { base, routedBase, origin: shown.areIn(origin ?? "") ? undefined : origin },
  };
}

/** The credentials that a request has shown, and all ways in which one of them may be written. */
class ShownCredentials {
  readonly #headers: ReadonlySet<string>;
  readonly #parameters: ReadonlySet<string>;
  readonly #texts: ReadonlySet<string>;

  constructor(all: readonly FoundCredential[]) {
    const inQuery = all.filter(({ place }) => place === "query");
    this.#parameters = new Set(inQuery.map(({ name }) => name));
    this.#headers = new Set(all.filter(({ place }) => place !== "query").map(({ name }) => name));
    const telling = all.filter(({ text }) => text.length >= TELLING_LENGTH && text !== REDACTED);
    this.#texts = new Set(telling.flatMap(({ text }) => [text, encodeURIComponent(text)]));
  }

  isHeader(name: string): boolean {
    return this.#headers.has(name);
  }

  isParameter(name: string): boolean {
    return this.#parameters.has(name);
  }

  areIn(text: string): boolean {
    for (const one of this.#texts) if (text.includes(one)) return true;
    return false;
  }
}

function mayTravel(
  name: string,
  { boundHeaders, credentialHeaders }: HeaderRules,
  shown: ShownCredentials,
): boolean {
  if (NEVER.has(name) || credentialHeaders.includes(name) || shown.isHeader(name)) return false;
  return ALLOWED.test(name) || boundHeaders.includes(name);
}

/** The URL with each field of its query redacted that is, or holds, a credential. */
function withoutCredentials(url: string, shown: ShownCredentials): string {
  const path = withoutQuery(url);
  checkPath(path, shown);
  const query = rawQueryOf(url);
  if (query === undefined) return url;
  return `${path}?${query
    .split("&")
    .map((field) => redactField(field, shown))
    .join("&")}`;
}

function checkPath(path: string, shown: ShownCredentials): void {
  if (!shown.areIn(path)) return;
  throw new Error("a credential stands in the path of a request that is for another node");
}

/** A field of a query in which nothing is encoded: it is what it says. */
const PLAIN_FIELD = /^([\w.~-]+)=([\w.~-]*)$/;

function redactField(field: string, shown: ShownCredentials): string {
  const [, name, value] = PLAIN_FIELD.exec(field) ?? [field, ...encodedField(field)];
  if (name === undefined || value === undefined) return field;
  if (shown.areIn(name)) return REDACTED;
  const isSafe = !shown.isParameter(name) && !shown.areIn(value);
  return isSafe ? field : `${field.split("=", 1).join()}=${REDACTED}`;
}

function encodedField(field: string): readonly string[] {
  const [pair = []] = new URLSearchParams(field);
  return pair;
}
