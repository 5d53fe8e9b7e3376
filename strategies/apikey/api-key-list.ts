import { hash, timingSafeEqual } from "node:crypto";
import type { PrincipalInit } from "../../src/auth/principal.js";
import { checkText, optionError } from "../../src/shared/check.js";
import * as opt from "../../src/shared/option.js";
import { copyOf, isUnchanged } from "./api-key-copy.js";
import type { KeyListCopy } from "./api-key-copy.js";
import type { ApiKeyEntry } from "./api-key-entry.js";
import { scopeNames } from "../shared/check-options.js";

/** {@link ApiKeyEntry}; one of `key` and `sha256` is checked later. */
export const API_KEY_ENTRY = opt.objectOf({
  id: opt.text(),
  key: opt.unchecked("text"),
  sha256: opt.unchecked("64 hexadecimal digits"),
  scopes: scopeNames(),
  expiresAt: opt.optional(opt.custom("seconds since the epoch, or a `Date`", checkExpiry)),
} satisfies opt.Declares<ApiKeyEntry>);

/** Finds who holds a key. */
export type ApiKeyLookup = (key: string) => PrincipalInit | undefined;

interface Holder {
  readonly digest: Buffer;
  readonly principal: PrincipalInit;
}

/** Keys shorter than this are reported: 16 random characters are about 95 bits. */
const MIN_KEY_LENGTH = 16;

/**
 * Reads the configured keys, and forgets their text: what stays is a digest of each.
 *
 * @throws TypeError that names an entry by its position, never by its key.
 */
export function readKeys(
  option: string,
  value: unknown,
): { readonly find: ApiKeyLookup; readonly warnings: readonly string[] } {
  if (!Array.isArray(value)) {
    throw optionError(option, "must be an array", 'Write ["…"]; split a list: text.split(",").');
  }
  if (value.length === 0) {
    throw optionError(option, "is an empty list", "Write at least one key.");
  }
  const entries = (value as unknown[]).map((entry, index) =>
    readEntry(`${option}[${index}]`, entry),
  );
  checkUnique(option, entries);
  return {
    find: (key) => findHolder(entries, key),
    warnings: entries.flatMap(({ isShort }, index) =>
      isShort
        ? [`${option}[${index}] is shorter than ${MIN_KEY_LENGTH} characters: it may be guessed`]
        : [],
    ),
  };
}

/**
 * The keys of a list that the application changes at run time. A list is read again when anything
 * in it has changed; it may be empty, and one that is wrong refuses nobody for good: callers get
 * 503.
 *
 * @returns a function that gives the look-up for the list as it is now: the same one for as long
 * as nothing has changed.
 */
export function watchKeys(option: string, current: () => unknown): () => ApiKeyLookup {
  let known: KeyListCopy | undefined;
  let find: ApiKeyLookup = () => undefined;
  return () => {
    const next = current();
    if (known === undefined || !isUnchanged(next, known)) {
      const isEmpty = Array.isArray(next) && next.length === 0;
      const read = isEmpty ? () => undefined : readKeys(`${option}()`, next).find;
      known = copyOf(next as readonly (string | ApiKeyEntry)[]);
      find = read;
    }
    return find;
  };
}

/**
 * Who holds a key, among the configured ones.
 *
 * Security decision: digests are compared, in constant time, and always with all entries. How
 * long it takes tells neither how much of a key was right nor which entry it was.
 */
function findHolder(entries: readonly Holder[], key: string): PrincipalInit | undefined {
  const digest = digestOf(key);
  let found: PrincipalInit | undefined;
  for (const entry of entries) {
    if (timingSafeEqual(entry.digest, digest)) found = entry.principal;
  }
  return found;
}

function readEntry(option: string, value: unknown): Holder & { readonly isShort: boolean } {
  if (typeof value !== "object" || value === null) {
    const key = checkKey(option, value);
    const digest = digestOf(key);
    const id = idOfKey(digest.toString("hex"));
    return { digest, principal: { id }, isShort: isShort(key) };
  }
  const { sha256, key: given, ...principal } = API_KEY_ENTRY.read(option, value);
  if ("sha256" in value && !("key" in value)) {
    return { digest: checkDigest(`${option}.sha256`, sha256), principal, isShort: false };
  }
  if ("sha256" in value) {
    throw optionError(option, "has both key and sha256", "Keep sha256: it suffices.");
  }
  const key = checkKey(`${option}.key`, given);
  return { digest: digestOf(key), principal, isShort: isShort(key) };
}

/** The caller of a key that has no name, by its digest as hexadecimal digits. */
export function idOfKey(sha256: string): string {
  return `key-${sha256.slice(0, 12)}`;
}

/** Whether a key may be guessed by trying. */
export function isShort(key: string): boolean {
  return key.length < MIN_KEY_LENGTH;
}

/** What can stand in a header as it is. @see RFC 9110, section 5.5 */
export function checkKey(option: string, value: unknown): string {
  const key = checkText(option, value);
  if (!/^[\x21-\x7e]+( +[\x21-\x7e]+)*$/.test(key)) {
    throw optionError(
      option,
      "holds a character that cannot be sent in a header",
      "Use visible ASCII characters. A line break at the end? Trim it.",
    );
  }
  return key;
}

function checkDigest(option: string, value: unknown): Buffer {
  const text = checkText(option, value);
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw optionError(option, "is no SHA-256", "Write its 64 hexadecimal digits.");
  }
  return Buffer.from(text, "hex");
}

/** Beyond this, a number of seconds is really one of milliseconds: the year 5138. */
export const LATEST_SECONDS = 100_000_000_000;

function checkExpiry(option: string, value: unknown): number {
  const seconds = value instanceof Date ? value.getTime() / 1000 : value;
  const isTime = typeof seconds === "number" && seconds > 0 && seconds < LATEST_SECONDS;
  if (!isTime) {
    throw optionError(
      option,
      "is no time in seconds since the epoch",
      "Write a Date, or milliseconds divided by 1000.",
    );
  }
  return seconds;
}

function checkUnique(option: string, entries: readonly Holder[]): void {
  const seen = new Map<string, number>();
  entries.forEach(({ digest }, index) => {
    const hex = digest.toString("hex");
    const earlier = seen.get(hex);
    if (earlier !== undefined) {
      throw optionError(
        option,
        `holds the same key twice, at [${earlier}] and [${index}]`,
        "Keep one: it would not be clear whose it is.",
      );
    }
    seen.set(hex, index);
  });
}

function digestOf(key: string): Buffer {
  return hash("sha256", key, "buffer");
}
