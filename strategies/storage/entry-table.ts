/** A value, when it is forgotten, in milliseconds since the epoch, and who caused it. */
interface StoredEntry {
  readonly value: string;
  readonly until: number;
  /** `""`: nobody in particular. */
  readonly owner: string;
}

/** How many entries of one kind are kept by default. */
export const DEFAULT_MAX_ENTRIES = 10_000;

/** A longer value counts as several entries, one for every so many characters. */
const CHARACTERS_OF_ONE = 8_192;

/** As how many entries one counts. */
export function weightOf(value: string): number {
  return Math.max(1, Math.ceil(value.length / CHARACTERS_OF_ONE));
}

/** What one owner has of a kind. */
interface Share {
  /** Oldest first. */
  readonly keys: Set<string>;
  weight: number;
}

/** The entries of one kind, and what each owner has of them, by weight. */
class Kind {
  readonly #entries = new Map<string, StoredEntry>();
  readonly #byOwner = new Map<string, Share>();
  /** Owners by what their entries weigh; at equal weights who came to it first stands first. */
  readonly #byWeight = new Map<number, Set<string>>();
  /** The largest weight that an owner may have. */
  #most = 0;
  #weight = 0;
  /** When the first entry may be over. */
  #firstEnd = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  /** As how many entries all of them count. */
  get weight(): number {
    return this.#weight;
  }

  get(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: StoredEntry): void {
    this.delete(key);
    this.#entries.set(key, entry);
    this.#firstEnd = Math.min(this.#firstEnd, entry.until);
    const share = this.#byOwner.get(entry.owner) ?? { keys: new Set(), weight: 0 };
    share.keys.add(key);
    this.#byOwner.set(entry.owner, share);
    this.#weigh(entry.owner, share, weightOf(entry.value));
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    const share = this.#byOwner.get(entry?.owner ?? "");
    if (entry === undefined || share === undefined) return;
    this.#entries.delete(key);
    share.keys.delete(key);
    if (share.keys.size === 0) this.#byOwner.delete(entry.owner);
    this.#weigh(entry.owner, share, -weightOf(entry.value));
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
    while (this.#most > 0 && !this.#byWeight.has(this.#most)) this.#most--;
    const [owner = ""] = this.#byWeight.get(this.#most) ?? [];
    const [oldest] = this.#byOwner.get(owner)?.keys ?? [];
    if (oldest !== undefined) this.delete(oldest);
  }

  /** Puts an owner among those who have as much. */
  #weigh(owner: string, share: Share, change: number): void {
    const former = this.#byWeight.get(share.weight);
    former?.delete(owner);
    if (former?.size === 0) this.#byWeight.delete(share.weight);
    share.weight += change;
    this.#weight += change;
    const { weight } = share;
    if (weight === 0) return;
    this.#byWeight.set(weight, (this.#byWeight.get(weight) ?? new Set()).add(owner));
    this.#most = Math.max(this.#most, weight);
  }
}

/**
 * Entries in memory, at most so many of each kind; the kind is what stands before the first `:` of
 * a key. When there are too many, those go whose time is over, then the oldest of the owner who
 * has most.
 *
 * Security decision: each kind has a limit of its own, so that a flood of one that strangers can
 * cause (registrations, started logins) pushes no refresh token out. Within a kind whoever causes
 * most makes room first, so that nobody can push out what others have. A long entry counts as
 * several: else ten thousand long ones that strangers cause would fill the memory.
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

  /**
   * Sets or replaces an entry; one that is over at once takes away what stood there before it.
   *
   * @param owner Who caused it. Default: whose the entry was before.
   */
  set(key: string, value: string, ttlMs = Infinity, owner?: string): void {
    const now = this.#now();
    const until = now + ttlMs;
    const kind = this.#kindFor(key);
    kind.set(key, { value, until, owner: owner ?? kind.get(key)?.owner ?? "" });
    if (until <= now) kind.delete(key);
    if (kind.weight > this.#maxEntries) kind.deleteOver(now);
    while (kind.weight > this.#maxEntries && kind.size > 1) kind.deleteOne();
  }

  delete(key: string): void {
    this.#kinds.get(kindOf(key))?.delete(key);
  }

  #kindFor(key: string): Kind {
    const name = kindOf(key);
    const kind = this.#kinds.get(name) ?? new Kind();
    this.#kinds.set(name, kind);
    return kind;
  }
}

export function kindOf(key: string): string {
  const end = key.indexOf(":");
  return end === -1 ? key : key.slice(0, end);
}
