import { hash } from "node:crypto";
import { optionError } from "../../src/shared/check.js";
import * as opt from "../../src/shared/option.js";
import type { ApiKeyDetails, ApiKeyEntry } from "./api-key-entry.js";
import { API_KEY_ENTRY, checkKey, idOfKey } from "./api-key-list.js";
import { DEFAULT_PREFIX, isIntact, isPrefix, makeKey, MAX_PREFIX_LENGTH } from "./key-form.js";

/** What {@link createApiKey} is told of a key. */
export interface CreateApiKeyOptions extends Partial<ApiKeyDetails> {
  /** Who will hold the key. Default: `key-` and a fingerprint of it. */
  readonly id?: string;
  /**
   * What the key begins with, before `_`, so that people and secret scanners see whose it is: lower
   * case letters and digits, in parts with `_` between, at most 32 characters. Default: `"ems"`.
   */
  readonly prefix?: string;
}

/** A key that was made, and what the server keeps of it. */
export interface CreatedApiKey {
  /** Security: give it to its holder, and keep it nowhere. It has 256 random bits. */
  readonly key: string;
  /** For `keys`. It has the key's SHA-256 and not the key; a `Date` is written in seconds, so that it is JSON. */
  readonly entry: ApiKeyEntry & { readonly sha256: string };
}

const DETAILS = {
  id: opt.optional(API_KEY_ENTRY.options.id),
  scopes: API_KEY_ENTRY.options.scopes,
  expiresAt: API_KEY_ENTRY.options.expiresAt,
};

/** {@link ApiKeyDetails} of which none has to be there. */
const KNOWN_DETAILS = opt.block(DETAILS);

/** {@link CreateApiKeyOptions}. */
const CREATE_API_KEY = opt.block({
  ...DETAILS,
  prefix: opt.withDefault(opt.checked(opt.text(), checkPrefix), DEFAULT_PREFIX),
} satisfies opt.Declares<CreateApiKeyOptions>);

/**
 * Makes an API key, and its entry for `keys`: `ems_`, 43 random letters and digits, and six of a
 * checksum. Secret scanners find such keys by their form, and {@link isApiKeyIntact} sees
 * whether one came whole.
 *
 * @example
 * ```ts
 * const { key, entry } = createApiKey({ id: "ci", scopes: ["notes:read"] });
 * const auth = apikey({ keys: [entry] });
 * console.log("Shown once:", key);
 * ```
 *
 * @throws TypeError for a wrong option.
 */
export function createApiKey(options?: CreateApiKeyOptions): CreatedApiKey {
  const { prefix, ...details } = CREATE_API_KEY.read("options", options);
  const key = makeKey(prefix);
  return { key, entry: entryOf(key, details) };
}

/**
 * The entry for `keys` of a key that is there already.
 *
 * @param details as `createApiKey` takes them, without a prefix.
 * @throws TypeError for a text that cannot be a key, which it does not repeat, and for a wrong detail.
 */
export function entryOf(key: string, details?: object): CreatedApiKey["entry"] {
  const sha256 = hash("sha256", checkKey("the key", key), "hex");
  const { id = idOfKey(sha256), scopes, expiresAt } = KNOWN_DETAILS.read("options", details);
  return {
    id,
    sha256,
    ...(scopes !== undefined && { scopes }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/**
 * Whether a text is a key that {@link createApiKey} can have made, whole and without a typing
 * mistake: for the place where somebody pastes it.
 *
 * Security: it says nothing of whether the key is valid. Anyone can work out a checksum.
 *
 * @example
 * ```ts
 * const pasted = process.env["API_KEY"] ?? "";
 * if (!isApiKeyIntact(pasted)) console.error("The key is cut short or mistyped: copy it again.");
 * ```
 */
export function isApiKeyIntact(key: string): boolean {
  return isIntact(key);
}

function checkPrefix(option: string, prefix: string): string {
  if (isPrefix(prefix)) return prefix;
  throw optionError(
    option,
    "is no prefix of keys",
    `Write lower case letters and digits, with _ between parts, such as "acme_live"; at most ${MAX_PREFIX_LENGTH}.`,
  );
}
