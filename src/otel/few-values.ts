/** What stands for every value that is not named. @see OpenTelemetry, semantic conventions, `error.type` */
export const OTHER = "_OTHER";

/** More names than one server has; each makes a series of its own in a backend. */
const MAX_VALUES = 1_000;

/**
 * Lets the first values through, and has all others called {@link OTHER}.
 *
 * Security decision: what labels a series is a name that a server or an operator gave, never one that a caller made up.
 * Where servers differ by caller even theirs could grow without end, and with them a backend's memory.
 */
export class FewValues {
  readonly #known = new Set<string>();
  readonly #limit: number;

  constructor(limit = MAX_VALUES) {
    this.#limit = limit;
  }

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#limit) return OTHER;
    this.#known.add(value);
    return value;
  }
}
