import type { RuleSettings } from "./policy-settings.js";
import type { RateLimit } from "./rate-limit.js";

/** One rule of an operator's, as it is asked: what it is about, its table knows. */
export interface Rule extends Omit<RuleSettings, "key" | "perMinute"> {
  readonly limit: RateLimit | undefined;
}

/** Finds the rules for a name: in a Map for whole names, one after another for patterns. */
export class RuleTable {
  readonly #exact = new Map<string, readonly Rule[]>();
  readonly #patterns: { readonly parts: readonly string[]; readonly rule: Rule }[] = [];

  /** @param key a name, or a pattern: `*` stands for any run of characters, also an empty one. */
  add(key: string, rule: Rule): void {
    if (key.includes("*")) this.#patterns.push({ parts: key.split("*"), rule });
    else this.#exact.set(key, [...(this.#exact.get(key) ?? []), rule]);
  }

  /** All that match. Names are compared as they are: in another case, another one is meant. */
  find(name: string): readonly Rule[] {
    const exact = this.#exact.get(name) ?? NONE;
    if (this.#patterns.length === 0) return exact;
    const matching = this.#patterns.filter(({ parts }) => matches(parts, name));
    return matching.length === 0 ? exact : [...exact, ...matching.map(({ rule }) => rule)];
  }
}

const NONE: readonly never[] = [];

/**
 * Whether a name is made of the parts of a pattern, with anything between them. Not a regular expression: its
 * time would grow with the number of stars, and callers say how long a name is.
 */
function matches(parts: readonly string[], name: string): boolean {
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  const end = name.length - last.length;
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
