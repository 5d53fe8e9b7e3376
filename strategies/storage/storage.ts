import * as opt from "../../src/shared/option.js";
import type { SignInStorage } from "./sign-in-storage.js";
import { DEFAULT_MAX_ENTRIES, EntryTable } from "./entry-table.js";

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
