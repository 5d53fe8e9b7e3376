import { widerNetwork } from "../storage/owners.js";

/** How many sources are told apart at a time; a flood from more of them is held by the total. */
const MAX_SOURCES = 1_000;

/** How often something may happen. */
export interface RateLimitOptions {
  /** Times a minute for each source; twice that for the IPv6 /48 around it. */
  readonly perSource: number;
  /** Times a minute for all sources together. Default: no limit. */
  readonly total?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/**
 * Counts by the minute, for each source and for all together. Bounded: of more sources than are
 * told apart the oldest is forgotten, and the total still holds.
 *
 * Security decision: whoever has one IPv6 network at home often has 256 of them, and a /48 with
 * 65536 is free. So what is around a network counts, too, and uses up no more than a part of the
 * total.
 */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #now: () => number;
  #counts = new Map<string, number>();
  #total = 0;
  #startedAt = -Infinity;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => Date.now());
  }

  /** Seconds to wait; `undefined` when it may happen now, which then counts. */
  take(source: string): number | undefined {
    const now = this.#now();
    if (now - this.#startedAt >= 60_000 || now < this.#startedAt) {
      this.#startedAt = now;
      this.#counts = new Map();
      this.#total = 0;
    }
    const { perSource, total = Infinity } = this.#options;
    const around = widerNetwork(source, 48);
    const isFull =
      this.#count(source) >= perSource ||
      (around !== source && this.#count(around) >= 2 * perSource) ||
      this.#total >= total;
    if (isFull) return Math.ceil((this.#startedAt + 60_000 - now) / 1000);
    this.#total++;
    for (const counted of new Set([source, around])) this.#add(counted);
    return undefined;
  }

  #count(source: string): number {
    return this.#counts.get(source) ?? 0;
  }

  #add(source: string): void {
    this.#counts.set(source, this.#count(source) + 1);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_SOURCES && oldest !== undefined) this.#counts.delete(oldest);
  }
}
