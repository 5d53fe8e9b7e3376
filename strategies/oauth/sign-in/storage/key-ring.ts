import { createHmac, randomBytes } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { deriveKey, openSealed, seal, sealKeyOf } from "../../../../src/shared/seal.js";
import type { SealKey } from "../../../../src/shared/seal.js";
import { kindName } from "./names.js";
import type { SignInStorage } from "../../../storage/sign-in-storage.js";
import { generateSigningKey, toSigningKey } from "../../options/signing-key.js";
import type { PrivateJwk, SignInKeys, SigningKey } from "../../options/signing-key.js";

/** Made keys are replaced after 90 days, when a process starts; those before them still verify. */
const MAX_AGE_MS = 90 * 24 * 3600 * 1000;

/** How many generations of made keys count. */
const GENERATIONS = 3;

interface Generation {
  readonly createdAt: number;
  readonly signing: PrivateJwk;
  readonly secret: string;
}

/** A key for one purpose. */
type DeriveKey = (purpose: string) => Buffer;

/** What the keys of a sign-in are read from. */
export interface KeyRingParts {
  readonly storage: SignInStorage;
  /** Whose keys they are. */
  readonly issuer: string;
  readonly given?: SignInKeys | undefined;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/** The keys of one issuer; never shown when printed. */
export class KeyRing {
  readonly #signing: readonly SigningKey[];
  readonly #secrets: readonly DeriveKey[];

  private constructor(signing: readonly SigningKey[], secrets: readonly DeriveKey[]) {
    this.#signing = signing;
    this.#secrets = secrets;
  }

  /** The given keys; what is not given is read from the storage, and made there when missing. */
  static async load(parts: KeyRingParts): Promise<KeyRing> {
    const { issuer, given: { signing, secrets } = {} } = parts;
    const deriveAll = (texts: readonly string[]): readonly DeriveKey[] =>
      texts.map((secret) => deriving(secret, issuer));
    if (signing !== undefined && secrets !== undefined) {
      return new KeyRing(signing.map(toSigningKey), deriveAll(secrets));
    }
    const made = await loadGenerations(parts, deriveAll(secrets ?? []).map(storageKeyOf));
    return new KeyRing(
      (signing ?? made.map((generation) => generation.signing)).map(toSigningKey),
      deriveAll(secrets ?? made.map(({ secret }) => secret)),
    );
  }

  /** The keys that sign access tokens, newest first. */
  get signing(): readonly SigningKey[] {
    return this.#signing;
  }

  /** The key that a token names. */
  publicKey(kid: string | undefined): KeyObject | undefined {
    return this.#signing.find((key) => key.kid === kid)?.publicKey;
  }

  /** Keys for what is stored, newest first. */
  sealKeys(): readonly SealKey[] {
    return this.#secrets.map(storageKeyOf);
  }

  /** Keys for signed cookies, newest first. */
  cookieKeys(): readonly string[] {
    return this.#secrets.map((derive) => derive("cookies").toString("base64url"));
  }

  /** Authenticates `text` for one purpose; the newest secret first, then those before it. */
  macs(purpose: string, text: string): readonly string[] {
    return this.#secrets.map((derive) =>
      createHmac("sha256", derive(purpose)).update(text).digest("base64url"),
    );
  }
}

/**
 * Reads the generations of made keys, and makes the next one when the newest is too old.
 *
 * `add` decides which of several processes makes a generation; the others read it.
 */
async function loadGenerations(
  { storage, issuer, now = Date.now }: KeyRingParts,
  sealKeys: readonly SealKey[],
): Promise<readonly Generation[]> {
  const found: Generation[] = [];
  for (;;) {
    const name = `${kindName(issuer, "keys")}:${found.length}`;
    let text = await storage.get(name);
    const newest = found.at(-1);
    if (text === undefined && (newest === undefined || now() - newest.createdAt > MAX_AGE_MS)) {
      await storage.add(name, lock(name, createGeneration(now()), sealKeys));
      text = await storage.get(name);
    }
    if (text === undefined) return found.slice(-GENERATIONS).reverse();
    found.push(unlock(name, text, sealKeys));
  }
}

function lock(name: string, generation: Generation, [sealKey]: readonly SealKey[]): string {
  const text = JSON.stringify(generation);
  return sealKey === undefined ? text : seal(text, name, sealKey);
}

function unlock(name: string, text: string, sealKeys: readonly SealKey[]): Generation {
  const plain = text.startsWith("{") ? text : openSealed(text, name, sealKeys);
  if (plain === undefined) {
    throw new Error("The keys in the storage of signIn are encrypted with another secret.");
  }
  return JSON.parse(plain) as Generation;
}

function createGeneration(createdAt: number): Generation {
  return {
    createdAt,
    signing: generateSigningKey(),
    secret: randomBytes(48).toString("base64url"),
  };
}

function storageKeyOf(derive: DeriveKey): SealKey {
  return sealKeyOf(derive("storage"));
}

/**
 * Makes keys of a secret, each for one purpose of one issuer.
 *
 * Security decision: with the issuer in it, issuers that were given the same secrets have
 * different keys, and take none of each other's cookies, forms and records.
 *
 * @see RFC 5869, section 3.2
 */
function deriving(secret: string, issuer: string): DeriveKey {
  return (purpose) => deriveKey(secret, `express-mcp-sse sign-in ${kindName(issuer, purpose)}`);
}
