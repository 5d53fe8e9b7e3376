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
