/** A value, when it is forgotten, in milliseconds since the epoch, and who caused it. */
export interface StoredEntry {
  readonly value: string;
  readonly until: number;
  /** `""`: nobody in particular. */
  readonly owner: string;
}

/** How many entries of one kind are kept by default. */
export const DEFAULT_MAX_ENTRIES = 10_000;

/** The entries of one kind, and what each owner has of them, oldest first. */
class Kind {
  readonly #entries = new Map<string, StoredEntry>();
  readonly #byOwner = new Map<string, Set<string>>();
  /** Owners by how many entries they have; at equal numbers who came to it first stands first. */
  readonly #bySize = new Map<number, Set<string>>();
  /** The largest number that an owner may have. */
  #most = 0;
  /** When the first entry may be over. */
  #firstEnd = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: StoredEntry): void {
    this.delete(key);
    this.#entries.set(key, entry);
    this.#firstEnd = Math.min(this.#firstEnd, entry.until);
    const keys = this.#byOwner.get(entry.owner) ?? new Set();
    this.#byOwner.set(entry.owner, keys.add(key));
    this.#rank(entry.owner, keys.size - 1, keys.size);
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    const keys = this.#byOwner.get(entry?.owner ?? "");
    if (entry === undefined || keys === undefined) return false;
    this.#entries.delete(key);
    keys.delete(key);
    if (keys.size === 0) this.#byOwner.delete(entry.owner);
    this.#rank(entry.owner, keys.size + 1, keys.size);
    return true;
  }

  [Symbol.iterator](): MapIterator<[string, StoredEntry]> {
    return this.#entries[Symbol.iterator]();
  }

  deleteOver(now: number): void {
    if (now < this.#firstEnd) return;
    this.#firstEnd = Infinity;
    for (const [key, { until }] of this.#entries) {
      if (until <= now) this.delete(key);
      else this.#firstEnd = Math.min(this.#firstEnd, until);
    }
  }

  /** Deletes the oldest entry of the owner who has most. */
  deleteOne(): void {
    while (this.#most > 0 && !this.#bySize.has(this.#most)) this.#most--;
    const [owner = ""] = this.#bySize.get(this.#most) ?? [];
    const [oldest] = this.#byOwner.get(owner) ?? [];
    if (oldest !== undefined) this.delete(oldest);
  }

  /** Puts an owner among those who have as many entries. */
  #rank(owner: string, before: number, size: number): void {
    const former = this.#bySize.get(before);
    former?.delete(owner);
    if (former?.size === 0) this.#bySize.delete(before);
    if (size === 0) return;
    this.#bySize.set(size, (this.#bySize.get(size) ?? new Set()).add(owner));
    this.#most = Math.max(this.#most, size);
  }
}

/**
 * Entries in memory, at most so many of each kind; the kind is what stands before the first `:` of
 * a key. When there are too many, those go whose time is over, then the oldest of the owner who
 * has most.
 *
 * Security decision: each kind has a limit of its own, so that a flood of one that strangers can
 * cause (registrations, started logins) pushes no refresh token out. Within a kind whoever causes
 * most makes room first, so that nobody can push out what others have.
 */
export class EntryTable {
  readonly #kinds = new Map<string, Kind>();
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

  /** @param owner Who caused it. Default: whose the entry was before. */
  set(key: string, value: string, ttlMs = Infinity, owner?: string): StoredEntry {
    const entry = {
      value,
      until: this.#now() + ttlMs,
      owner: owner ?? this.#kindFor(key).get(key)?.owner ?? "",
    };
    this.restore(key, entry);
    return entry;
  }

  /** Puts an entry back as it was; one that is over takes away what stood there before it. */
  restore(key: string, entry: StoredEntry): void {
    const now = this.#now();
    const kind = this.#kindFor(key);
    kind.set(key, entry);
    if (entry.until <= now) kind.delete(key);
    if (kind.size > this.#maxEntries) kind.deleteOver(now);
    if (kind.size > this.#maxEntries) kind.deleteOne();
  }

  delete(key: string): boolean {
    return this.#kinds.get(kindOf(key))?.delete(key) ?? false;
  }

  *entries(): IterableIterator<readonly [key: string, entry: StoredEntry]> {
    for (const kind of this.#kinds.values()) yield* kind;
  }

  #kindFor(key: string): Kind {
    const name = kindOf(key);
    const kind = this.#kinds.get(name) ?? new Kind();
    this.#kinds.set(name, kind);
    return kind;
  }
}

function kindOf(key: string): string {
  const end = key.indexOf(":");
  return end === -1 ? key : key.slice(0, end);
}
