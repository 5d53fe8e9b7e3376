import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { deriveKey, sealKeyOf } from "../shared/seal.js";

/** What was sealed by this version, and is opened by it. Another is not guessed at. */
const VERSION = "1";

const ALGORITHM = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Keys of other senders that are kept, so that each is derived once. */
const MAX_KEPT_KEYS = 1_024;

/** Stands where the name of a key would, if nothing is sealed. */
const UNSEALED = "-";

const SALT = /^[\w-]{22}$/;

interface Root {
  readonly id: string;
  readonly key: Buffer;
  /** By salt: the keys of senders whose texts have opened. */
  readonly known: Map<string, Buffer>;
}

/**
 * Seals whatever a node gives to the engine.
 *
 * Security decision: each box seals with a key of its own, derived from the secret and a salt that is
 * new with each box, and counts its texts. So no number is ever used twice with a key, however many
 * nodes seal however much, and no two boxes need to know of each other.
 *
 * @see NIST SP 800-38D, section 8.2.1
 */
export class SealBox {
  readonly #roots: readonly Root[];
  readonly #prefix: string;
  readonly #salt = randomBytes(16).toString("base64url");
  readonly #head: string;
  readonly #key: Buffer | undefined;
  #count = 0;

  /** @param secret the first seals, all of them open; `false`: nothing is sealed. */
  constructor(secret: readonly string[] | false, prefix: string) {
    this.#roots = (secret === false ? [] : secret).map((text) => {
      const key = deriveKey(text, "express-mcp-sse cluster");
      return { ...sealKeyOf(key), known: new Map<string, Buffer>() };
    });
    this.#prefix = prefix;
    const newest = this.#roots.at(0);
    this.#key = newest && keyOf(newest, this.#salt);
    this.#head = newest
      ? `${VERSION}.${newest.id}.${this.#salt}.`
      : `${VERSION}.${UNSEALED}.${UNSEALED}.`;
  }

  /**
   * Seals a text for one place.
   *
   * @param place the key that it is kept by, or the channel that it is sent to: it opens nowhere else.
   */
  seal(text: string, place: string): string {
    if (this.#key === undefined) return this.#head + text;
    const iv = Buffer.alloc(IV_BYTES);
    iv.writeUIntBE(++this.#count, IV_BYTES - 6, 6);
    const cipher = createCipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.#contextOf(place));
    const sealed = cipher.update(text, "utf8");
    cipher.final();
    return this.#head + Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString("base64url");
  }

  /** What was sealed for this place; `undefined` where it was not, was changed, or is another version's. */
  open(sealed: string, place: string): string | undefined {
    const [version, id, salt, ...rest] = sealed.split(".", 4);
    if (version !== VERSION || id === undefined || salt === undefined || rest.length === 0) {
      return undefined;
    }
    const body = sealed.slice(version.length + id.length + salt.length + 3);
    if (this.#key === undefined) return id === UNSEALED ? body : undefined;
    const root = this.#roots.find((candidate) => candidate.id === id);
    if (root === undefined || !SALT.test(salt)) return undefined;
    const key = root.known.get(salt) ?? keyOf(root, salt);
    const text = decrypt(Buffer.from(body, "base64url"), this.#contextOf(place), key);
    if (text !== undefined) keep(root.known, salt, key);
    return text;
  }

  /** Whether the newest secret has sealed it. */
  isOfNewest(sealed: string): boolean {
    return sealed.split(".", 2).join() === this.#head.split(".", 2).join();
  }

  #contextOf(place: string): Buffer {
    return Buffer.from(`${VERSION}\n${this.#prefix}\n${place}`);
  }
}

function keyOf(root: Root, salt: string): Buffer {
  return Buffer.from(hkdfSync("sha256", root.key, salt, "seal", 32));
}

/** Only keys that have opened something are kept: others may be anybody's invention. */
function keep(known: Map<string, Buffer>, salt: string, key: Buffer): void {
  if (known.has(salt)) return;
  const [oldest] = known.keys();
  if (known.size >= MAX_KEPT_KEYS && oldest !== undefined) known.delete(oldest);
  known.set(salt, key);
}

function decrypt(bytes: Buffer, context: Buffer, key: Buffer): string | undefined {
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  const iv = bytes.subarray(0, IV_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(context);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain.toString("utf8");
}
