import { KeyedLimiter } from "../../../../src/shared/keyed-limiter.js";

/** How many sources are told apart at a time; a flood from more of them is held by the total. */
const MAX_SOURCES = 1_000;

/** How often something may happen in a minute. */
export interface RateLimitOptions {
  /** For each source; twice that for what is around it. */
  readonly perSource: number;
  /** For all sources together. Default: no limit. */
  readonly total?: number;
}

/**
 * Counts by the minute, for each source, for what is around it, and for all together.
 *
 * Security decision: whoever has one IPv6 network at home often has 256 of them, and a /48 with
 * 65536 is free. So what is around a network counts, too, and uses up no more than a part of the
 * total.
 */
export class RateLimit {
  readonly #sources: KeyedLimiter;
  readonly #around: KeyedLimiter;
  readonly #total: KeyedLimiter;

  constructor({ perSource, total = Number.MAX_SAFE_INTEGER }: RateLimitOptions) {
    const minute = { windowMs: 60_000, maxKeys: MAX_SOURCES };
    this.#sources = new KeyedLimiter({ ...minute, max: perSource });
    this.#around = new KeyedLimiter({ ...minute, max: 2 * perSource });
    this.#total = new KeyedLimiter({ ...minute, max: total });
  }

  /**
   * Seconds to wait; `undefined` when it may happen now, which then counts.
   *
   * @param around The wider network that a source is in. Default: none.
   */
  async take(source: string, around = source): Promise<number | undefined> {
    const counted: (readonly [KeyedLimiter, string])[] = [
      [this.#sources, source],
      ...(around === source ? [] : [[this.#around, around] as const]),
      [this.#total, "all"],
    ];
    for (const [index, [limiter, key]] of counted.entries()) {
      const { left, waitMs } = await limiter.take(key);
      if (left >= 0) continue;
      // What may not happen uses up nothing of the others.
      for (const [other, its] of counted.slice(0, index)) await other.giveBack(its);
      return Math.ceil(waitMs / 1000);
    }
    return undefined;
  }
}
