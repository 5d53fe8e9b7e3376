/** How long what is counted together lasts, in milliseconds. */
const STEP_MS = 10_000;

/** How many steps are kept: ten minutes. */
const STEPS = 60;

const STEPS_A_MINUTE = 60_000 / STEP_MS;

/** How often something has happened in the last minutes. */
export class Rate {
  readonly #counts = new Array<number>(STEPS).fill(0);
  /** The step that counts now, from when the clock began. */
  #step: number;

  /** @param now on the clock of `performance.now()`. */
  constructor(now = performance.now()) {
    this.#step = Math.floor(now / STEP_MS);
  }

  note(now = performance.now()): void {
    this.#turnTo(now);
    const at = this.#step % STEPS;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** Counts of all steps, oldest first; the last is not over. */
  steps(now = performance.now()): readonly number[] {
    this.#turnTo(now);
    const newest = this.#step % STEPS;
    return [...this.#counts.slice(newest + 1), ...this.#counts.slice(0, newest + 1)];
  }

  /** How often within the last minute, of which the last seconds may be still to come. */
  lastMinute(now = performance.now()): number {
    return this.steps(now)
      .slice(-STEPS_A_MINUTE)
      .reduce((sum, count) => sum + count, 0);
  }

  /** Empties what has passed since something was last looked at. */
  #turnTo(now: number): void {
    const step = Math.floor(now / STEP_MS);
    const passed = Math.min(step - this.#step, STEPS);
    for (let past = 0; past < passed; past++) this.#counts[(step - past) % STEPS] = 0;
    this.#step = Math.max(step, this.#step);
  }
}
