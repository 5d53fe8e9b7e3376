import type { AdmittedRequest } from "../http/incoming-request.js";
import type { TransportRoute } from "../http/transport.js";
import type { SessionStanding } from "../session/session-standing.js";

/** Where a session of another node is, and who may go on with it, as last looked up. */
export interface Lane {
  readonly home: string;
  readonly moves: number;
  readonly transport: string;
  readonly standing: SessionStanding | undefined;
  /** The last request that was found to be of somebody who may. */
  last?: Asking;
}

/** What of a request decides whether it may go on with a session, but for headers that operators bind. */
interface Asking {
  readonly route: TransportRoute;
  readonly principal: unknown;
  readonly base: string;
  readonly routedBase: string;
  readonly url: string | undefined;
}

/**
 * Whether a request may take a lane. Most are like the one before, and need no digest for that.
 *
 * Security decision: a principal is frozen, and is another for another owner, so with the same one, at the same
 * URL and mount, everything is the same. Where headers count as well, or there is no principal, each is decided.
 */
export function mayTake(
  lane: Lane,
  { req: { url }, mount: { base, routedBase }, caller: { principal } }: AdmittedRequest,
  route: TransportRoute,
  decide: () => boolean,
): boolean {
  const { last } = lane;
  const isLikeLast =
    last?.route === route &&
    last.principal === principal &&
    last.base === base &&
    last.routedBase === routedBase &&
    last.url === url;
  if (isLikeLast && principal !== undefined) return true;
  if (!decide()) return false;
  lane.last = { route, principal, base, routedBase, url };
  return true;
}

/** How many are kept: those that were used last. */
const MAX_LANES = 10_000;

/** Ways to the sessions of other nodes, so that most requests need not look them up. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** @param id the session's. */
  get(id: string): Lane | undefined {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return undefined;
    this.#lanes.delete(id);
    this.#lanes.set(id, lane);
    return lane;
  }

  set(id: string, lane: Lane): void {
    this.#lanes.delete(id);
    this.#lanes.set(id, lane);
    const [oldest] = this.#lanes.keys();
    if (this.#lanes.size > MAX_LANES && oldest !== undefined) this.#lanes.delete(oldest);
  }

  /** The session is not there any more. */
  drop(id: string): void {
    this.#lanes.delete(id);
  }

  /** A node is gone. */
  dropAllTo(home: string): void {
    for (const [id, lane] of this.#lanes) if (lane.home === home) this.#lanes.delete(id);
  }
}
