import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from "node:crypto";

/** A key for AES-256-GCM, and the name by which sealed texts refer to it. */
export interface SealKey {
  readonly id: string;
  readonly key: Buffer;
}

/** Shortest secret, in characters. */
export const MIN_SECRET_LENGTH = 32;

export function isLongSecret(secret: unknown): secret is string {
  return typeof secret === "string" && secret.length >= MIN_SECRET_LENGTH;
}

/**
 * A key of a secret, for one purpose.
 *
 * Security decision: what is sealed for one purpose opens for no other, although both have one secret.
 *
 * @see RFC 5869, section 3.2
 */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
}

export function sealKeyOf(key: Buffer): SealKey {
  return { id: hash("sha256", key, "base64url").slice(0, 8), key };
}

const ALGORITHM = "aes-256-gcm";

/** @see NIST SP 800-38D, section 8.2.2 */
const IV_BYTES = 12;

const TAG_BYTES = 16;

/**
 * Encrypts a text; `context` is authenticated with it.
 *
 * Security decision: the context is the name under which the text is kept, so that nobody can move
 * one user's record to another's name.
 */
export function seal(text: string, context: string, { id, key }: SealKey): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  const sealed = Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final()]);
  return `${id}.${Buffer.concat([sealed, cipher.getAuthTag()]).toString("base64url")}`;
}

/** What {@link seal} was given; `undefined` when it was changed, or none of the keys is its key. */
export function openSealed(
  sealed: string,
  context: string,
  keys: readonly SealKey[],
): string | undefined {
  const [id, text = ""] = sealed.split(".");
  const key = keys.find((candidate) => candidate.id === id)?.key;
  const bytes = Buffer.from(text, "base64url");
  if (key === undefined || bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  const iv = bytes.subarray(0, IV_BYTES);
  try {
    const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    return Buffer.concat([plain, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
