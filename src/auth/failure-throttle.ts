import { RateLimiterMemory } from "rate-limiter-flexible";

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
  readonly #limiter: RateLimiterMemory;
  readonly #maxFailures: number;
  /** In the order in which they came. The limiter itself has no bound. */
  readonly #keys = new Set<string>();
  /** Those that have no failure left, and until when, on the clock of `performance.now()`. */
  readonly #spent = new Map<string, number>();
  /** Until when there may be any of those. */
  #spentUntil = -Infinity;

  constructor({ maxFailures, windowMs }: ThrottleOptions) {
    this.#maxFailures = maxFailures;
    this.#limiter = new RateLimiterMemory({ points: maxFailures, duration: windowMs / 1000 });
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#keys.size;
  }

  /** Whether any address has no failure left. */
  get isActive(): boolean {
    return performance.now() < this.#spentUntil;
  }

  /** In how many milliseconds `key` has failures left again; `undefined` if it has some now. */
  waitOf(key: string): number | undefined {
    const waitMs = (this.#spent.get(key) ?? -Infinity) - performance.now();
    if (waitMs > 0) return waitMs;
    this.#spent.delete(key);
    return undefined;
  }

  /**
   * Notes that a credential from `key` was refused.
   *
   * @returns in how many milliseconds to come back, if it was one too many.
   */
  async noteFailure(key: string): Promise<number | undefined> {
    this.#remember(key);
    const { consumedPoints, msBeforeNext } = await this.#limiter.penalty(key);
    if (consumedPoints >= this.#maxFailures) this.#noteSpent(key, msBeforeNext);
    return consumedPoints > this.#maxFailures ? msBeforeNext : undefined;
  }

  #noteSpent(key: string, waitMs: number): void {
    // It may have been forgotten meanwhile.
    if (!this.#keys.has(key)) return;
    const until = performance.now() + waitMs;
    this.#spent.set(key, until);
    this.#spentUntil = Math.max(this.#spentUntil, until);
  }

  #remember(key: string): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    if (this.#keys.size <= MAX_ADDRESSES) return;
    const [oldest = key] = this.#keys;
    this.#keys.delete(oldest);
    this.#spent.delete(oldest);
    void this.#limiter.delete(oldest);
  }
}
