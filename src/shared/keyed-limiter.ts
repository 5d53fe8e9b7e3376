// The package itself would load the limiters of two dozen databases.
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import type { SharedCounter } from "./shared-counter.js";

/** How often something may happen for one key. */
export interface KeyedLimit {
  readonly max: number;
  /** Milliseconds from the first time on. */
  readonly windowMs: number;
  /** How many keys are told apart at a time; of more, the one that was idle for longest is forgotten. */
  readonly maxKeys: number;
}

/** What one more time comes to. */
export interface Taken {
  /** How many times are left; less than 0 for one that was too many. */
  readonly left: number;
  /** Milliseconds until the key's window is over. */
  readonly waitMs: number;
}

/** Counts by key; rate-limiter-flexible does, but has no bound of keys. */
export class KeyedLimiter {
  readonly #limiter: InstanceType<typeof RateLimiterMemory>;
  readonly #limit: KeyedLimit;
  readonly #shared: SharedCounter | undefined;
  /** In the order in which they last came. */
  readonly #keys = new Set<string>();

  /** @param shared counts for other processes, too; while it cannot, this one counts for itself. */
  constructor(limit: KeyedLimit, shared?: SharedCounter) {
    this.#limit = limit;
    this.#shared = shared;
    this.#limiter = new RateLimiterMemory({ points: limit.max, duration: limit.windowMs / 1000 });
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#keys.size;
  }

  /** Counts one more time, also one that is too many; trying on prolongs nothing. */
  async take(key: string): Promise<Taken> {
    const { consumedPoints, msBeforeNext } =
      (await this.#shared?.penalty(key).catch(() => undefined)) ?? (await this.#count(key));
    return { left: this.#limit.max - consumedPoints, waitMs: msBeforeNext };
  }

  #count(key: string): ReturnType<SharedCounter["penalty"]> {
    this.#remember(key);
    return this.#limiter.penalty(key);
  }

  /** One time that was counted did not happen. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key);
  }

  #remember(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#limit.maxKeys) return;
    const [first = key] = this.#keys;
    this.#keys.delete(first);
    void this.#limiter.delete(first);
  }
}
