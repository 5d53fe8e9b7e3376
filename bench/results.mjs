import { median, medianRatio } from "./stats.mjs";

/** Everything that was measured, round by round. */
export class Results {
  #speeds = new Map();
  #memories = new Map();
  #missing = new Map();

  constructor(rows, plan) {
    this.rows = rows;
    this.plan = plan;
  }

  addMissing({ id }, why) {
    this.#missing.set(id, why);
  }

  add({ id }, round, result) {
    const rounds = this.#speeds.get(id) ?? [];
    rounds[round] = result;
    this.#speeds.set(id, rounds);
  }

  addMemory({ id }, result) {
    this.#memories.set(id, result);
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

  /** The median over the rounds; `undefined` where it was not measured. */
  value(id, shape, measure) {
    return median(this.#series(id, shape, measure));
  }

  /** What one row is to another: the median of the rounds' ratios. */
  ratio(id, other, shape, measure = "perSecond") {
    return medianRatio(this.#series(id, shape, measure), this.#series(other, shape, measure));
  }

  memory(id, sessions, measure = "rss") {
    return this.#memories.get(id)?.[sessions]?.[measure];
  }

  #series(id, shape, measure) {
    return (this.#speeds.get(id) ?? []).map((round) => round?.[shape]?.[measure]);
  }
}
