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
 */
export interface SignInStorage {
  /** The value; `undefined` when there is none, or its time is over. */
  get(key: string): Promise<string | undefined>;
  /** Sets or replaces a value. `ttlMs`: milliseconds until it is forgotten; without it, never. */
  set(key: string, value: string, ttlMs?: number): Promise<void>;
  /** Sets a value unless there is one; whether it was set. Atomic. */
  add(key: string, value: string, ttlMs?: number): Promise<boolean>;
  /** The value, which is then gone: of several callers one gets it. Atomic. */
  take(key: string): Promise<string | undefined>;
  /** Forgets a value. Nothing happens when there is none. */
  delete(key: string): Promise<void>;
  /** Finishes what is being written. Called when the router is closed. Default: nothing to finish. */
  close?(): Promise<void>;
}

/** A value and when it is forgotten, in milliseconds since the epoch. */
export interface StoredEntry {
  readonly value: string;
  readonly until: number;
}

/** How many entries of one kind are kept by default. */
export const DEFAULT_MAX_ENTRIES = 10_000;

/**
 * Entries in memory, at most so many of each kind; the kind is what stands before the first `:` of
 * a key. When there are too many, those go whose time is over, then the oldest.
 *
 * Security decision: each kind has a limit of its own, so that a flood of one that strangers can
 * cause (registrations, started logins) pushes no refresh token out.
 */
export class EntryTable {
  readonly #kinds = new Map<string, Map<string, StoredEntry>>();
  readonly #maxEntries: number;
  readonly #now: () => number;

  constructor(maxEntries = DEFAULT_MAX_ENTRIES, now: () => number = () => Date.now()) {
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** How many entries there are, of all kinds. */
  get size(): number {
    let size = 0;
    for (const kind of this.#kinds.values()) size += kind.size;
    return size;
  }

  get(key: string): StoredEntry | undefined {
    const kind = this.#kinds.get(kindOf(key));
    const entry = kind?.get(key);
    if (entry === undefined || entry.until > this.#now()) return entry;
    kind?.delete(key);
    return undefined;
  }

  set(key: string, value: string, ttlMs = Infinity): StoredEntry {
    const kind = this.#kindFor(key);
    const entry = { value, until: this.#now() + ttlMs };
    kind.delete(key);
    kind.set(key, entry);
    if (kind.size > this.#maxEntries) this.#makeRoom(kind);
    return entry;
  }

  /** Puts an entry back as it was. */
  restore(key: string, entry: StoredEntry): void {
    if (entry.until > this.#now()) this.#kindFor(key).set(key, entry);
  }

  delete(key: string): boolean {
    return this.#kinds.get(kindOf(key))?.delete(key) ?? false;
  }

  *entries(): IterableIterator<readonly [key: string, entry: StoredEntry]> {
    for (const kind of this.#kinds.values()) yield* kind;
  }

  #kindFor(key: string): Map<string, StoredEntry> {
    const name = kindOf(key);
    const kind = this.#kinds.get(name) ?? new Map<string, StoredEntry>();
    this.#kinds.set(name, kind);
    return kind;
  }

  #makeRoom(kind: Map<string, StoredEntry>): void {
    const now = this.#now();
    for (const [key, { until }] of kind) if (until <= now) kind.delete(key);
    for (const key of kind.keys()) {
      if (kind.size <= this.#maxEntries) return;
      kind.delete(key);
    }
  }
}

function kindOf(key: string): string {
  const end = key.indexOf(":");
  return end === -1 ? key : key.slice(0, end);
}

/** Options of {@link MemoryStorage}. */
export interface MemoryStorageOptions {
  /** How many entries of each kind are kept. From 1. Default: 10000. */
  readonly maxEntries?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/** A {@link SignInStorage} that ends with the process: everybody signs in again after a restart. */
export class MemoryStorage implements SignInStorage {
  readonly #table: EntryTable;

  constructor({
    maxEntries = DEFAULT_MAX_ENTRIES,
    now = () => Date.now(),
  }: MemoryStorageOptions = {}) {
    this.#table = new EntryTable(maxEntries, now);
  }

  /** How many entries there are. */
  get size(): number {
    return this.#table.size;
  }

  async get(key: string): Promise<string | undefined> {
    return this.#table.get(key)?.value;
  }

  async set(key: string, value: string, ttlMs?: number): Promise<void> {
    this.#table.set(key, value, ttlMs);
  }

  async add(key: string, value: string, ttlMs?: number): Promise<boolean> {
    if (this.#table.get(key) !== undefined) return false;
    this.#table.set(key, value, ttlMs);
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
