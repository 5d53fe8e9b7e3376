import { ExpiringCache } from "../shared/expiring-cache.js";
import { KeyedLimiter } from "../shared/keyed-limiter.js";
import type { SharedCounter } from "../shared/shared-counter.js";

/** How long a window is, in milliseconds. */
export const WINDOW_MS = 60_000;

/** Names of one principal that are counted apart within a window. */
const MAX_NAMES = 32;

/** Principals whose names are told apart at a time. */
const MAX_OWNERS = 10_000;

/** Counters that are kept at a time; of more, the one that was idle for longest is forgotten. */
const MAX_COUNTERS = 100_000;

/** Longest name that has a counter of its own. */
const MAX_NAME_LENGTH = 512;

/**
 * How often each principal may ask for each name that a rule matches.
 *
 * Security decision: a pattern matches names that a caller invents, and a counter for each would push out others'.
 * So a principal has a few counters; whatever else it asks for within a minute has one more in common. It can fill
 * its own, and no one else's.
 */
export class RateLimit {
  readonly #rule: string;
  readonly #counters: KeyedLimiter;
  readonly #names = new ExpiringCache<Set<string>>(MAX_OWNERS, () => performance.now());

  /** @param rule tells it from others that share a counter. */
  constructor(rule: string, perMinute: number, shared: SharedCounter | undefined) {
    const limit = { max: perMinute, windowMs: WINDOW_MS, maxKeys: MAX_COUNTERS };
    this.#rule = rule;
    this.#counters = new KeyedLimiter(limit, shared);
  }

  /** Counts one call. @returns in how many milliseconds to come back, if it was one too many. */
  async take(owner: string, name: string): Promise<number | undefined> {
    const key = JSON.stringify([this.#rule, owner, this.#isApart(owner, name) ? name : null]);
    const { left, waitMs } = await this.#counters.take(key);
    return left < 0 ? Math.max(1, waitMs) : undefined;
  }

  #isApart(owner: string, name: string): boolean {
    if (name.length > MAX_NAME_LENGTH) return false;
    let names = this.#names.get(owner);
    if (names === undefined) {
      names = new Set();
      this.#names.set(owner, names, performance.now() + WINDOW_MS);
    }
    if (names.size < MAX_NAMES) names.add(name);
    return names.has(name);
  }
}
