import * as opt from "../../src/shared/option.js";
import { DEFAULT_MAX_ENTRIES, EntryTable } from "./entry-table.js";

/**
 * Where a sign-in keeps what must outlive a request: registered clients, grants, refresh tokens,
 * codes, browser sessions, the provider's tokens, and its keys unless they are given.
 *
 * Values are sealed (AES-256-GCM) before they come here, and what identifies them is hashed. A
 * shared database makes several processes one authorization server; give `keys` then, too.
 *
 * **You implement** five operations on strings. `add` and `take` must be atomic, because codes and
 * refresh tokens are redeemed with them, once: in Redis `SET key value NX PX ttl` and
 * `GETDEL key`. A rejection is answered as an outage; nobody is let in and nothing is redeemed.
 *
 * What comes with an `owner` was caused by one person, one client or the addresses of one network,
 * of whom it says nothing else. Security: a storage that holds a limited number of entries should
 * take room from the owner who has most of a kind, which is what stands before the `:` of a key.
 * One that forgets the oldest lets anybody push out what others need. A storage without such a
 * limit needs no owners.
 */
export interface SignInStorage {
  /** The value; `undefined` when there is none, or its time is over. */
  get(key: string): Promise<string | undefined>;
  /**
   * Sets or replaces a value. `ttlMs`: milliseconds until it is forgotten; without it, never.
   * `owner`: who caused it; without it, the one of the value that is replaced.
   */
  set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void>;
  /** Sets a value unless there is one; whether it was set. Atomic. */
  add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean>;
  /** The value, which is then gone: of several callers one gets it. Atomic. */
  take(key: string): Promise<string | undefined>;
  /** Forgets a value. Nothing happens when there is none. */
  delete(key: string): Promise<void>;
  /** Finishes what is being written. Called when the router is closed. Default: nothing to finish. */
  close?(): Promise<void>;
}

/** Options of {@link MemoryStorage}. */
export interface MemoryStorageOptions {
  /**
   * How many entries of each kind are kept. One of more than 8192 characters counts as several, one
   * for each 8192. From 1. Default: 10000.
   */
  readonly maxEntries?: number;
  /** What time it is, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/** How many entries of each kind a storage keeps. */
export const maxEntries: opt.Option<number> = opt.number("entries", DEFAULT_MAX_ENTRIES, {
  min: 1,
});

/** {@link MemoryStorageOptions}. */
export const MEMORY_STORAGE = opt.block({
  maxEntries,
  now: opt.optional(opt.callback<() => number>("It takes nothing, and returns milliseconds.")),
} satisfies opt.Declares<MemoryStorageOptions>);

/**
 * A {@link SignInStorage} that ends with the process: everybody signs in again after a restart.
 *
 * @example
 * ```ts
 * const signIn = { storage: new MemoryStorage({ maxEntries: 10_000 }) };
 * ```
 */
export class MemoryStorage implements SignInStorage {
  readonly #table: EntryTable;

  /** @throws TypeError for a wrong option. */
  constructor(options: MemoryStorageOptions = {}) {
    const settings = MEMORY_STORAGE.read("MemoryStorage options", options);
    const { now = () => Date.now() } = settings;
    this.#table = new EntryTable(settings.maxEntries, now);
  }

  /** How many entries there are. */
  get size(): number {
    return this.#table.size;
  }

  async get(key: string): Promise<string | undefined> {
    return this.#table.get(key)?.value;
  }

  async set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    this.#table.set(key, value, ttlMs, owner);
  }

  async add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean> {
    if (this.#table.get(key) !== undefined) return false;
    this.#table.set(key, value, ttlMs, owner);
    return true;
  }

  async take(key: string): Promise<string | undefined> {
    const entry = this.#table.get(key);
    this.#table.delete(key);
    return entry?.value;
  }

  async delete(key: string): Promise<void> {
    this.#table.delete(key);
  }
}
