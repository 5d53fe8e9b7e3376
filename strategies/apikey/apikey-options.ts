import type { PrincipalInit } from "../../src/auth/principal.js";
import { optionError } from "../../src/shared/check.js";
import { isToken } from "../../src/shared/http-syntax.js";
import * as opt from "../../src/shared/option.js";
import { COMMON_OPTIONS } from "../shared/check-options.js";
import type { CommonAuthOptions } from "../shared/check-options.js";
import type { ApiKeyEntry } from "./api-key-entry.js";
import { readKeys, watchKeys } from "./api-key-list.js";
import type { ApiKeyLookup } from "./api-key-list.js";

/**
 * Looks a key up, say in a database. Runs for each request whose key is none of `keys`.
 *
 * Returning a principal lets the caller in, until its `expiresAt` if it has one; `null` or
 * `undefined` refuses the key (401); a throw or a rejection says that nobody knows (503).
 *
 * Compare digests, not keys: look up the SHA-256 of `key`.
 */
export type VerifyApiKey = (
  key: string,
) => PrincipalInit | null | undefined | Promise<PrincipalInit | null | undefined>;

/** Where an API key may stand. `Authorization: Bearer` is always read as well. */
export interface ApiKeyPlaces extends CommonAuthOptions {
  /**
   * Whether what `verify` said of a key counts for the next POSTs of the session, and for requests
   * without one, for `advanced.revalidateAfterMs`. Then a revoked key may be used for that long.
   * Without `verify` it changes nothing: a key that is taken out of `keys` is refused at once.
   * Default: false.
   */
  readonly remember?: boolean;
  /** Name of the request header that carries the key. Default: `"X-API-Key"`. */
  readonly headerName?: string;
  /**
   * Name of the query parameter, for clients that can only be given a URL. Security: URLs end up in
   * logs and histories, so the query is not read unless this is set. Default: none.
   */
  readonly queryParam?: string;
}

/** Keys that are listed. */
export interface ApiKeyListOptions extends ApiKeyPlaces {
  /**
   * The valid keys, as texts or entries; a function returns the list as it is now, for keys
   * that come and go. A text is known to tools by a fingerprint; an entry has an `id` of its
   * own. Each request is compared with all of them: for thousands, use `verify`.
   *
   * An array is read once. A function is called for each request and returns the list as
   * it is now: another array, or the same one with keys added, removed or changed. A key
   * that was removed is refused from then on; `sessions.closeFor(principal)` ends the
   * streams that it opened.
   */
  readonly keys: readonly (string | ApiKeyEntry)[] | (() => readonly (string | ApiKeyEntry)[]);
  /**
   * Looks up a key that is none of `keys`: `(key) => principal`, or a promise of it; `null`
   * and `undefined` are 401, a throw is 503.
   */
  readonly verify?: VerifyApiKey;
}

/** Keys that are looked up. */
export interface ApiKeyLookupOptions extends ApiKeyPlaces {
  readonly keys?: never;
  readonly verify: VerifyApiKey;
}

/** Options of `auth: { type: "apikey" }`; `keys`, or `verify`, or both. */
export type ApiKeyOptions = ApiKeyListOptions | ApiKeyLookupOptions;

/** The {@link ApiKeyOptions} that are meant: without `verify` it is a list. */
export type ApiKeyOptionsFor<O> = O extends { keys: unknown }
  ? ApiKeyListOptions
  : O extends { verify: unknown }
    ? ApiKeyLookupOptions
    : ApiKeyListOptions;

/** {@link ApiKeyOptions}. */
export const API_KEY = opt.objectOf({
  keys: opt.optional(opt.custom("list of keys, or a function", readList)),
  verify: opt.optional(opt.callback<VerifyApiKey>("It takes the key.")),
  headerName: opt.withDefault(opt.checked(opt.text(), checkKeyHeader), "X-API-Key"),
  queryParam: opt.optional(opt.checked(opt.text(), checkQueryParam)),
  remember: opt.flag(false),
  ...COMMON_OPTIONS,
} satisfies opt.Declares<ApiKeyOptions>);

/** The configured keys. */
export interface KeyList {
  /** The look-up in them; another one once anything in them has changed. */
  readonly current: () => ApiKeyLookup;
  readonly warnings: readonly string[];
}

function readList(option: string, keys: unknown): KeyList {
  if (typeof keys === "function") {
    return { current: watchKeys(option, keys as () => unknown), warnings: [] };
  }
  const { find, warnings } = readKeys(option, keys);
  return { current: () => find, warnings };
}

/** @see RFC 9110, section 5.1 */
function checkKeyHeader(option: string, name: string): string {
  if (!isToken(name)) {
    throw optionError(option, "is not a header name", 'Write one such as "X-API-Key".');
  }
  if (name.toLowerCase() === "authorization") {
    throw optionError(
      option,
      "must not be Authorization",
      "Leave it out: a key is read from Authorization: Bearer in any case.",
    );
  }
  return name;
}

function checkQueryParam(option: string, name: string): string {
  if (!/^[\w.~-]+$/.test(name)) {
    // Parsers disagree on the others: "key[a]" is a name to some, and an object to Express 4.
    throw optionError(option, "is no plain parameter name", "Write one like api_key.");
  }
  if (name === "sessionId") {
    throw optionError(option, "must not be sessionId", "The transport uses that. Write api_key.");
  }
  return name;
}
