import { McpSseError, retryAfter } from "../shared/errors.js";
import type { CloseReason } from "./close-reason.js";
import { isReached } from "./limits.js";
import type { LimitReached } from "./session-events.js";
import { tooManyCalls } from "./too-many-calls.js";

/** How many requests there may be of a wire without sessions; 0 stands for any number. */
export interface ExchangeLimits {
  /** Requests of one principal that have no answer yet, subscriptions excepted. */
  readonly maxCallsPerPrincipal: number;
  readonly maxSubscriptionsPerPrincipal: number;
}

export const NO_EXCHANGE_LIMITS: ExchangeLimits = {
  maxCallsPerPrincipal: 0,
  maxSubscriptionsPerPrincipal: 0,
};

export interface ExchangesOptions<P> {
  readonly limits: ExchangeLimits;
  /** Subscriptions of everybody; on an open endpoint, where nobody has a share, requests of any kind. */
  readonly maxInAll: number;
  readonly isOpenEndpoint: boolean;
  readonly noteLimit: (fact: LimitReached<P>) => void;
}

/** What is counted of a session that is one request. */
export interface CountedExchange<P> {
  readonly ownerKey: string;
  readonly principal: P;
  end(reason: CloseReason): void;
}

/** The requests of one owner. */
interface Owned<S> {
  readonly all: Set<S>;
  /** Those of them that are answered by a stream for as long as there is somebody to read it, oldest first. */
  readonly subscriptions: Set<S>;
}

const NOTHING: Owned<never> = { all: new Set(), subscriptions: new Set() };

/**
 * Sessions that are one request and its answer, on a wire that has no others, by their owners. There
 * is nothing to go on with, so nobody finds them by an id; but they have an owner, limits and an end.
 */
export class Exchanges<P, S extends CountedExchange<P>> {
  readonly #options: ExchangesOptions<P>;
  readonly #owners = new Map<string, Owned<S>>();
  #subscriptionsInAll = 0;

  constructor(options: ExchangesOptions<P>) {
    this.#options = options;
  }

  of(ownerKey: string): ReadonlySet<S> {
    return this.#ownedBy(ownerKey).all;
  }

  *all(): Iterable<S> {
    for (const { all } of this.#owners.values()) yield* all;
  }

  /** All that will be answered without somebody leaving. */
  *calls(): Iterable<S> {
    for (const { all, subscriptions } of this.#owners.values()) {
      for (const one of all) if (!subscriptions.has(one)) yield one;
    }
  }

  /** @throws McpSseError 429 when as many calls of the owner have no answer yet. */
  add(exchange: S): void {
    const { limits, isOpenEndpoint, maxInAll, noteLimit } = this.#options;
    const { ownerKey, principal } = exchange;
    const { all, subscriptions } = this.#ownedBy(ownerKey);
    const max = isOpenEndpoint ? maxInAll : limits.maxCallsPerPrincipal;
    if (isReached(all.size - subscriptions.size, max)) {
      const limit = isOpenEndpoint ? "maxSessions" : "maxCallsPerPrincipal";
      noteLimit({ limit, outcome: "refused", principal });
      throw tooManyCalls();
    }
    const owned = this.#owners.get(ownerKey) ?? { all: new Set(), subscriptions: new Set() };
    owned.all.add(exchange);
    this.#owners.set(ownerKey, owned);
  }

  /**
   * Counts a request as a subscription. The owner's oldest goes for one too many: a client that has
   * lost sight of a stream opens the next.
   *
   * Security decision: only the caller's own is ever ended, so nobody can push anybody else out. On
   * an open endpoint nobody knows whose is whose, so none is.
   *
   * @throws McpSseError 503 when there are as many as there may be.
   */
  subscribe(exchange: S): void {
    const { limits, isOpenEndpoint, maxInAll, noteLimit } = this.#options;
    const { ownerKey, principal } = exchange;
    const { all, subscriptions } = this.#ownedBy(ownerKey);
    const max = isOpenEndpoint ? 0 : limits.maxSubscriptionsPerPrincipal;
    const isOwnFull = isReached(subscriptions.size, max);
    const [oldest] = isOpenEndpoint ? [] : subscriptions;
    if (isOwnFull && oldest !== undefined) {
      noteLimit({ limit: "maxSubscriptionsPerPrincipal", outcome: "ended", principal });
      oldest.end("made-room");
    } else if (isReached(this.#subscriptionsInAll, maxInAll)) {
      noteLimit({ limit: "maxSessions", outcome: "refused", principal });
      throw new McpSseError("server_full", "There are as many subscriptions as there may be.", {
        headers: retryAfter(),
      });
    }
    if (!all.has(exchange)) return;
    subscriptions.add(exchange);
    this.#subscriptionsInAll++;
  }

  /** It has ended. */
  remove(exchange: S): void {
    const owned = this.#owners.get(exchange.ownerKey);
    if (owned === undefined) return;
    owned.all.delete(exchange);
    if (owned.subscriptions.delete(exchange)) this.#subscriptionsInAll--;
    if (owned.all.size === 0) this.#owners.delete(exchange.ownerKey);
  }

  #ownedBy(ownerKey: string): Owned<S> {
    return this.#owners.get(ownerKey) ?? NOTHING;
  }
}
