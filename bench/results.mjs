import { median, quartiles, ratiosOf } from "./stats.mjs";

/** Everything that was measured, round by round. */
export class Results {
  #speeds = new Map();
  #memories = new Map();
  #missing = new Map();

  /** @param set of the rows, if they are one; see rows.mjs. */
  constructor(rows, plan, set) {
    this.set = set;
    this.rows = rows;
    this.plan = plan;
  }

  addMissing({ id }, why) {
    this.#missing.set(id, why);
  }

  /** @param group whose rows take turns with each other. */
  add(group, { id }, round, result) {
    const groups = this.#speeds.get(id) ?? [];
    groups[group] ??= [];
    groups[group][round] = { ...groups[group][round], ...result };
    this.#speeds.set(id, groups);
  }

  addMemory({ id }, result) {
    this.#memories.set(id, [...(this.#memories.get(id) ?? []), result]);
  }

  isMissing(id) {
    return this.#missing.has(id);
  }

  /** Rows that are not there, and why. */
  get missing() {
    return [...this.#missing];
  }

  /** Rows that were measured. */
  get present() {
    return this.rows.filter(({ id }) => this.#speeds.has(id) || this.#memories.has(id));
  }

  get all() {
    return {
      speeds: Object.fromEntries(this.#speeds),
      memories: Object.fromEntries(this.#memories),
      missing: Object.fromEntries(this.#missing),
    };
  }

  /** Whether a row was measured for a shape. */
  has(id, shape) {
    return this.#series(id, shape, "p50").flat().some(Number.isFinite);
  }

  /** The median over the rounds; `undefined` where it was not measured. */
  value(id, shape, measure) {
    return median(this.#series(id, shape, measure).flat());
  }

  /**
   * What one row is to another: the median of the rounds' ratios. Rows that never took turns are
   * compared by their medians.
   */
  ratio(id, other, shape, measure = "perSecond") {
    return (
      median(this.#ratios(id, other, shape, measure)) ??
      this.value(id, shape, measure) / this.value(other, shape, measure)
    );
  }

  /** How far the rounds' ratios are apart: their quartiles, `undefined` if there are none. */
  spread(id, other, shape, measure = "perSecond") {
    return quartiles(this.#ratios(id, other, shape, measure));
  }

  memory(id, sessions, measure = "rss") {
    return median((this.#memories.get(id) ?? []).map((result) => result[sessions]?.[measure]));
  }

  #ratios(id, other, shape, measure) {
    const theirs = this.#series(other, shape, measure);
    return this.#series(id, shape, measure)
      .flatMap((ours, group) => ratiosOf(ours, theirs[group] ?? []))
      .filter(Number.isFinite);
  }

  /** By group and round. */
  #series(id, shape, measure) {
    return Array.from(this.#speeds.get(id) ?? [], (rounds = []) =>
      Array.from(rounds, (round) => round?.[shape]?.[measure]),
    );
  }
}
