import { randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

/** Digits of base 62: letters and digits only, so that a double click selects a whole key. */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** So many random digits have 256 bits: 43 × log2(62) is 256.03. */
const RANDOM_LENGTH = 43;

/** So many digits hold every CRC-32. */
const CHECKSUM_LENGTH = 6;

/** Of keys that are given no other. */
export const DEFAULT_PREFIX = "ems";

/** Longest prefix, in characters. */
export const MAX_PREFIX_LENGTH = 32;

const PREFIX = "[a-z][a-z0-9]*(?:_[a-z0-9]+)*";

const WHOLE_PREFIX = new RegExp(`^${PREFIX}$`);

const KEY_LENGTH = RANDOM_LENGTH + CHECKSUM_LENGTH;

/** A prefix, `_`, and as many digits as a key has: what secret scanners look for. */
const WHOLE_KEY = new RegExp(`^${PREFIX}_[0-9A-Za-z]{${KEY_LENGTH}}$`);

/** Whether a text can be what keys begin with. */
export function isPrefix(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH && WHOLE_PREFIX.test(text);
}

/**
 * A new key: `ems_`, 43 random digits, and a checksum of all that in six.
 *
 * Security decision: each digit is drawn evenly from all 62 (a remainder of a random byte would
 * prefer eight of them), by Node's generator for keys. So nobody can guess one, not even from many
 * others.
 */
export function makeKey(prefix: string): string {
  const digits = Array.from({ length: RANDOM_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]);
  const body = `${prefix}_${digits.join("")}`;
  return body + checksumOf(body);
}

/**
 * Whether a text is a key that {@link makeKey} can have made, whole and without a typing mistake.
 * It says nothing of whether anybody made it: anyone can work out a checksum.
 */
export function isIntact(text: string): boolean {
  if (text.length > MAX_PREFIX_LENGTH + 1 + KEY_LENGTH || !WHOLE_KEY.test(text)) return false;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return text.slice(-CHECKSUM_LENGTH) === checksumOf(body);
}

/** Whether a text has been such a key, and lost something on its way: a part, or a character. */
export function isDamaged(text: string): boolean {
  const isOurs = text.startsWith(`${DEFAULT_PREFIX}_`) || WHOLE_KEY.test(text);
  return isOurs && !isIntact(text);
}

/** CRC-32 in base 62, the highest digit first. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let digits = "";
  for (let count = 0; count < CHECKSUM_LENGTH; count++) {
    digits = `${DIGITS[rest % DIGITS.length]}${digits}`;
    rest = Math.floor(rest / DIGITS.length);
  }
  return digits;
}
