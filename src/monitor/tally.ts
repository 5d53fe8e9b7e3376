/** What is counted together, and when it last happened. */
export interface Counted<T> {
  /** The same for as long as it is counted. */
  readonly key: string;
  readonly what: T;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly lastAt: number;
  /** Who was there last, in words. */
  readonly lastBy: string;
}

/** How many kinds are kept apart. */
const MAX_KINDS = 100;

/**
 * Counts what happens, each kind for itself.
 *
 * Names of tools and resources come from callers, who can invent any number. What has not happened for longest
 * makes room, and is counted among the others: so the total is right, and nobody can keep what really happens
 * from being shown.
 */
export class Tally<T> {
  readonly #kinds = new Map<string, Counted<T>>();
  #total = 0;
  #others = 0;

  get total(): number {
    return this.#total;
  }

  /** How many were of kinds that are not kept apart any more. */
  get others(): number {
    return this.#others;
  }

  get(key: string): Counted<T> | undefined {
    return this.#kinds.get(key);
  }

  /** @param key the same for what is counted together. */
  note(key: string, what: T, lastBy: string, lastAt = Date.now()): void {
    const count = (this.#kinds.get(key)?.count ?? 0) + 1;
    // At the end, since it is the newest.
    this.#kinds.delete(key);
    this.#kinds.set(key, { key, what, count, lastAt, lastBy });
    this.#total++;
    if (this.#kinds.size > MAX_KINDS) this.#forgetOldest();
  }

  /** The most frequent first. */
  list(): readonly Counted<T>[] {
    return [...this.#kinds.values()].sort((a, b) => b.count - a.count);
  }

  #forgetOldest(): void {
    const [oldest] = this.#kinds;
    if (oldest === undefined) return;
    this.#others += oldest[1].count;
    this.#kinds.delete(oldest[0]);
  }
}
