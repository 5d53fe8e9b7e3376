import type { Logger } from "../shared/logger.js";

/** How often a line of one kind is written at the most, in milliseconds. */
const EVERY_MS = 10_000;

/** Warnings of which there may be thousands within a second: one line stands for many. */
export class SparingLog {
  readonly #logger: Logger;
  /** When a kind was last told of, and how often it has been kept back since. */
  readonly #told = new Map<string, { readonly at: number; more: number }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param kind of which there are few. */
  warn(kind: string, line: string): void {
    this.#tell("warn", kind, line);
  }

  /** The same of what went wrong. */
  error(kind: string, line: string): void {
    this.#tell("error", kind, line);
  }

  #tell(level: "warn" | "error", kind: string, line: string): void {
    const told = this.#told.get(kind);
    const now = performance.now();
    if (told !== undefined && now - told.at < EVERY_MS) {
      told.more++;
      return;
    }
    const more = told?.more ?? 0;
    this.#told.set(kind, { at: now, more: 0 });
    this.#logger[level](more === 0 ? line : `${line}, and ${more} times since the last such line`);
  }
}
