/**
 * Values that count until a time of their own, at most `maxEntries` of them: the oldest goes
 * first. Nothing is given out once it has expired, nor when the clock was set back to before the
 * value came, because then its age cannot be told.
 */
export class ExpiringCache<V> {
  readonly #entries = new Map<string, { value: V; from: number; until: number }>();
  readonly #maxEntries: number;
  readonly #now: () => number;

  /** @param now Milliseconds since the epoch. */
  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** How many values are held, expired ones that were not cleared yet included. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#isFresh(entry)) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keeps `value` until `until`, in milliseconds since the epoch; not at all if that is past. */
  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    const from = this.#now();
    if (from >= until) return;
    this.#entries.set(key, { value, from, until });
    this.#clearOldest();
  }

  /** Entries stand in the order in which they came, so most of what has expired is at the front. */
  #clearOldest(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxEntries && this.#isFresh(entry)) return;
      this.#entries.delete(key);
    }
  }

  #isFresh({ from, until }: { from: number; until: number }): boolean {
    const now = this.#now();
    return from <= now && now < until;
  }
}
