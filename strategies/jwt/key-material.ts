import { createPublicKey, createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { checkText, optionError } from "../../src/shared/check.js";

/** An algorithm that goes with `secret`: HMAC. @see RFC 7518, section 3.2 */
export type SecretAlgorithm = "HS256" | "HS384" | "HS512";

/** An algorithm that goes with `publicKey` and `jwksUri`. @see RFC 7518, sections 3.3 to 3.5 */
export type PublicKeyAlgorithm =
  "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512";

/** All of them. */
export const SECRET_ALGORITHMS: readonly SecretAlgorithm[] = ["HS256", "HS384", "HS512"];

/** All of them, in the order in which they are proposed. */
export const PUBLIC_KEY_ALGORITHMS: readonly PublicKeyAlgorithm[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
];

/** Shortest RSA modulus, in bits. @see RFC 7518, section 3.3 */
const MIN_RSA_BITS = 2048;

/** Longest RSA modulus, in bits; beyond that OpenSSL verifies nothing. */
const MAX_RSA_BITS = 16_384;

/** The curve of each ECDSA algorithm, in OpenSSL's names. @see RFC 7518, section 3.4 */
const CURVES: ReadonlyMap<string, string> = new Map([
  ["ES256", "prime256v1"],
  ["ES384", "secp384r1"],
  ["ES512", "secp521r1"],
]);

/** Whether a public key is of the type, and the curve, that an algorithm works with. */
export function keyFitsAlgorithm(key: KeyObject, algorithm: string): boolean {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return algorithm.startsWith("RS") || algorithm.startsWith("PS");
    case "rsa-pss":
      return algorithm.startsWith("PS");
    case "ec":
      return CURVES.get(algorithm) === key.asymmetricKeyDetails?.namedCurve;
    default:
      return false;
  }
}

/**
 * What makes a public key unfit to trust, if anything does, in words that follow its name.
 *
 * Security decision: with an exponent of 1 a signature is its own message, so that everybody can
 * sign; an even one belongs to no RSA key; and one of many digits, or a longer modulus than anybody
 * uses, makes each verification cost as much as an attacker likes. The curves that are taken have no
 * short keys, and a point that is not on its curve makes no key at all.
 *
 * @see RFC 8017, section 3.1; RFC 7518, section 3.3
 */
export function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength: bits, publicExponent: exponent } = key.asymmetricKeyDetails ?? {};
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    return `is an RSA key of less than ${MIN_RSA_BITS} bits`;
  }
  if (bits !== undefined && bits > MAX_RSA_BITS) {
    return `is an RSA key of more than ${MAX_RSA_BITS} bits`;
  }
  if (exponent !== undefined && !isSoundExponent(exponent)) {
    return "is an RSA key with an exponent that no sound key has";
  }
  return undefined;
}

/** What is made today has 65537; keys with 3 are about. */
function isSoundExponent(exponent: bigint): boolean {
  return exponent >= 3n && exponent % 2n === 1n && exponent < 2n ** 64n;
}

/**
 * The key for HMAC, made once: making it from text for each request costs forty times the
 * verification.
 *
 * Security decision: a PEM text is refused, because a public key that is used as a secret lets
 * everyone who knows it, that is everyone, sign tokens. @see RFC 8725, section 2.1
 */
export function readSecret(option: string, value: unknown): KeyObject {
  const text = checkText(option, value);
  if (text.includes("-----BEGIN ")) {
    throw optionError(
      option,
      "is a PEM key, not a secret",
      'Write it as publicKey, with algorithms such as ["RS256"].',
    );
  }
  return createSecretKey(text, "utf8");
}

/** What to tell the operator of a secret that is shorter than its hash. @see RFC 7518, section 3.2 */
export function secretWarning(
  option: string,
  key: KeyObject,
  algorithms: readonly string[],
): string | undefined {
  const needed = Math.max(...algorithms.map((algorithm) => Number(algorithm.slice(2)) / 8));
  if ((key.symmetricKeySize ?? 0) >= needed) return undefined;
  return `${option} is shorter than the ${needed} bytes that its algorithms ask for: it may be guessed from a single token (RFC 7518, section 3.2)`;
}

/**
 * A public key from PEM text. Environment variables often hold its line breaks as the two
 * characters `\n`; both forms are read.
 *
 * No error echoes the text: whoever confuses two options may have put anything there.
 */
export function readPublicKey(
  option: string,
  value: unknown,
  algorithms: readonly string[],
): KeyObject {
  const pem = checkText(option, value).replaceAll("\\n", "\n");
  // Node would derive the public key; but then the private one lies where it does not belong.
  if (pem.includes("PRIVATE KEY-----")) {
    throw optionError(
      option,
      "is a private key",
      "Only the signer needs that. Write the public one.",
    );
  }
  const key = parsePem(option, pem);
  const weakness = weaknessOf(key);
  if (weakness !== undefined) {
    throw optionError(option, weakness, `Make one of ${MIN_RSA_BITS} bits or more, or on P-256.`);
  }
  for (const algorithm of algorithms) checkFit(option, key, algorithm);
  return key;
}

function parsePem(option: string, pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw optionError(
      option,
      "is not a public key in PEM form",
      'Its first line is "-----BEGIN PUBLIC KEY-----".',
    );
  }
}

function checkFit(option: string, key: KeyObject, algorithm: string): void {
  if (keyFitsAlgorithm(key, algorithm)) return;
  const { asymmetricKeyType = "unknown", asymmetricKeyDetails } = key;
  const curve = asymmetricKeyDetails?.namedCurve;
  const kind = curve === undefined ? asymmetricKeyType : `${asymmetricKeyType} (${curve})`;
  const fitting = PUBLIC_KEY_ALGORITHMS.filter((name) => keyFitsAlgorithm(key, name));
  throw optionError(
    option,
    `is a key of type ${kind}, which cannot verify ${algorithm}`,
    fitting.length > 0
      ? `Write algorithms it can: ${fitting.join(", ")}.`
      : "Use an RSA key, or an EC key on P-256, P-384 or P-521.",
  );
}
