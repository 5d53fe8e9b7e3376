import { ExpiringCache } from "../shared/expiring-cache.js";
import { KeyedLimiter } from "../shared/keyed-limiter.js";
import type { SharedCounter } from "../shared/shared-counter.js";

/** How many bad credentials an address may send. */
export interface ThrottleOptions {
  readonly maxFailures: number;
  readonly windowMs: number;
}

/** Addresses that are remembered at a time; beyond that the one that was first is forgotten. */
const MAX_ADDRESSES = 10_000;

/**
 * Counts the credentials of each address that were refused.
 *
 * Security decision: whether to refuse is asked after a credential was refused, never before one is
 * looked at. So whoever has a good one is let in, whatever others behind the same address send.
 * Beforehand it only decides whether an issuer may be asked about a credential that is new.
 */
export class FailureThrottle {
  readonly #failures: KeyedLimiter;
  /** Until when addresses have no failure left, on the clock of `performance.now()`. */
  readonly #spent = new ExpiringCache<number>(MAX_ADDRESSES, () => performance.now());
  /** Until when there may be any of those. */
  #spentUntil = -Infinity;

  /** @param shared counts for other nodes, too. */
  constructor({ maxFailures, windowMs }: ThrottleOptions, shared?: SharedCounter) {
    const limit = { max: maxFailures, windowMs, maxKeys: MAX_ADDRESSES };
    this.#failures = new KeyedLimiter(limit, shared);
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  /** Whether any address has no failure left. */
  get isActive(): boolean {
    return performance.now() < this.#spentUntil;
  }

  /** In how many milliseconds `key` has failures left again; `undefined` if it has some now. */
  waitOf(key: string): number | undefined {
    const until = this.#spent.get(key);
    return until === undefined ? undefined : until - performance.now();
  }

  /**
   * Notes that a credential from `key` was refused.
   *
   * @returns in how many milliseconds to come back, if it was one too many.
   */
  async noteFailure(key: string): Promise<number | undefined> {
    const { left, waitMs } = await this.#failures.take(key);
    if (left <= 0) this.#noteSpent(key, performance.now() + waitMs);
    return left < 0 ? waitMs : undefined;
  }

  #noteSpent(key: string, until: number): void {
    this.#spent.set(key, until, until);
    this.#spentUntil = Math.max(this.#spentUntil, until);
  }
}
