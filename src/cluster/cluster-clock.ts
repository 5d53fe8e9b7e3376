/** Two clocks: one that nobody sets, and one that goes on while the machine sleeps. Milliseconds. */
export interface ClusterClock {
  /** Since any moment; never goes back. */
  steady(): number;
  /** Since the epoch. */
  date(): number;
}

export const SYSTEM_CLOCK: ClusterClock = {
  steady: () => performance.now(),
  date: () => Date.now(),
};

/** A moment, on both clocks. */
export interface Moment {
  readonly steady: number;
  readonly date: number;
}

export const momentOf = (clock: ClusterClock): Moment => ({
  steady: clock.steady(),
  date: clock.date(),
});

/**
 * How long this node may count on what it has, by its own clocks.
 *
 * Security decision: it is over when either clock says so. The one that nobody sets stands still while
 * a machine sleeps, and the date can be set back; a node that takes itself for out of touch too early only
 * looks up what it has.
 */
export class Lease {
  readonly #clock: ClusterClock;
  readonly #leaseMs: number;
  #since: Moment | undefined;

  constructor(clock: ClusterClock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** Whether there was one before. */
  get hasBegun(): boolean {
    return this.#since !== undefined;
  }

  get isHeld(): boolean {
    const since = this.#since;
    if (since === undefined) return false;
    const steady = this.#clock.steady() - since.steady;
    const date = this.#clock.date() - since.date;
    return steady < this.#leaseMs && date < this.#leaseMs;
  }

  /** @param since before the engine was asked: there the lease ends later than here. */
  renew(since: Moment): void {
    this.#since = since;
  }
}
