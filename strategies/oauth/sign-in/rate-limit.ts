import type { IncomingMessage } from "node:http";
import { throttleKey } from "../../../src/auth/throttle-key.js";

/** How many sources are told apart at a time; a flood from more of them is held by the total. */
const MAX_SOURCES = 1_000;

/** How often something may happen. */
export interface RateLimitOptions {
  /** Times a minute for each source. */
  readonly perSource: number;
  /** Times a minute for all sources together. Default: no limit. */
  readonly total?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/**
 * Counts by the minute, for each source and for all together. Bounded: of more sources than are
 * told apart the oldest is forgotten, and the total still holds.
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
    const count = this.#counts.get(source) ?? 0;
    if (count >= perSource || this.#total >= total) {
      return Math.ceil((this.#startedAt + 60_000 - now) / 1000);
    }
    this.#total++;
    this.#counts.set(source, count + 1);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_SOURCES && oldest !== undefined) this.#counts.delete(oldest);
    return undefined;
  }
}

/**
 * Where a request comes from: Express knows the address in front of the proxies that the
 * application trusts.
 *
 * Security decision: of an IPv6 address only its network counts, since whoever has one address of
 * it has all of them.
 */
export function sourceOf(req: IncomingMessage): string {
  const { ip } = req as { readonly ip?: string };
  return throttleKey(ip ?? req.socket.remoteAddress);
}
