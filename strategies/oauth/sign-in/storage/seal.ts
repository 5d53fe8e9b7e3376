import { createHmac, hash, hkdfSync } from "node:crypto";
import { openSealed, seal } from "../../../../src/shared/seal.js";
import type { SealKey } from "../../../../src/shared/seal.js";
import { unavailable } from "../../../shared/credential-errors.js";
import { kindName } from "./names.js";
import type { SignInStorage } from "../../../storage/sign-in-storage.js";

/** Whose records they are. */
export interface RecordScope {
  /** The authorization server, by its issuer. */
  readonly issuer: string;
  /** The identity provider, for records that only count with it. */
  readonly provider?: string;
}

/** How a record is kept. */
export interface RecordOptions {
  /** Milliseconds until it is forgotten. Default: never. */
  readonly ttlMs?: number | undefined;
  /** Who caused it (see `owners.ts`). Default: who caused the one that it replaces. */
  readonly owner?: string | undefined;
}

/**
 * Records of one issuer by kind and id, in a storage that others may read, and other issuers use:
 * the id, which may be a token, is hashed, and the record is encrypted.
 */
export class SealedStorage {
  readonly #storage: SignInStorage;
  readonly #keys: readonly SealKey[];
  readonly #scope: RecordScope;
  /** What all names begin with. Made once: records are read for every call of a client. */
  readonly #prefix: string;
  #ownerKey: Buffer | undefined;

  /** @param keys The first encrypts; never empty. */
  constructor(storage: SignInStorage, keys: readonly SealKey[], scope: RecordScope) {
    this.#storage = storage;
    this.#keys = keys;
    this.#scope = scope;
    this.#prefix = kindName(scope.issuer, "");
  }

  /**
   * The records of this issuer that only count with one identity provider.
   *
   * Security decision: a login ends with the provider that it began with, and who somebody is
   * counts for the provider that said it. Another provider, configured later, may call another
   * person by the same name.
   */
  with(provider: string): SealedStorage {
    return new SealedStorage(this.#storage, this.#keys, { ...this.#scope, provider });
  }

  async get(kind: string, id: string): Promise<unknown> {
    const name = this.#nameOf(kind, id);
    return this.#open(name, await orOutage(this.#storage.get(name)));
  }

  async set(kind: string, id: string, record: unknown, options: RecordOptions = {}): Promise<void> {
    const name = this.#nameOf(kind, id);
    const { ttlMs, owner } = options;
    const sealed = this.#seal(name, record);
    await orOutage(this.#storage.set(name, sealed, ttlMs, this.#ownerName(owner)));
  }

  /** Sets a record unless there is one; whether it was set. Atomic. */
  async add(kind: string, id: string, record: unknown, options: RecordOptions): Promise<boolean> {
    const name = this.#nameOf(kind, id);
    const { ttlMs, owner } = options;
    const sealed = this.#seal(name, record);
    return await orOutage(this.#storage.add(name, sealed, ttlMs, this.#ownerName(owner)));
  }

  /** The record, which is then gone. Atomic. */
  async take(kind: string, id: string): Promise<unknown> {
    const name = this.#nameOf(kind, id);
    return this.#open(name, await orOutage(this.#storage.take(name)));
  }

  async delete(kind: string, id: string): Promise<void> {
    await orOutage(this.#storage.delete(this.#nameOf(kind, id)));
  }

  #nameOf(kind: string, id: string): string {
    const text = JSON.stringify([this.#scope.provider ?? "", id]);
    return `${this.#prefix}${kind}:${hash("sha256", text, "base64url")}`;
  }

  /** The same for one owner, and tells nobody without the key who that is. */
  #ownerName(owner: string | undefined): string | undefined {
    if (owner === undefined) return undefined;
    this.#ownerKey ??= Buffer.from(hkdfSync("sha256", this.#newestKey().key, "", "owner", 32));
    return createHmac("sha256", this.#ownerKey).update(owner).digest("base64url").slice(0, 22);
  }

  #newestKey(): SealKey {
    const [key] = this.#keys;
    if (key === undefined) throw new Error("there is no key to encrypt with");
    return key;
  }

  #seal(name: string, record: unknown): string {
    return seal(JSON.stringify(record), name, this.#newestKey());
  }

  /** A record that cannot be opened counts as gone: its key was taken out of use. */
  #open(name: string, text: string | undefined): unknown {
    const plain = text === undefined ? undefined : openSealed(text, name, this.#keys);
    return plain === undefined ? undefined : (JSON.parse(plain) as unknown);
  }
}

/** A storage that fails is an outage: nothing is told to be done that may not have been. */
async function orOutage<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw unavailable("the storage of the sign-in failed", cause);
  }
}
