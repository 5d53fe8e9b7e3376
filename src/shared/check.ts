import type { Directions } from "./errors.js";

/** The `TypeError` for a wrong option: which option, what is wrong, and what to write instead. */
export function optionError(option: string, problem: string, instead: string): TypeError {
  return new TypeError(`${option} ${problem}. ${instead}`);
}

/**
 * Refuses option names that do not exist, so that a misspelt option is never silently ignored.
 *
 * @param directions for those that people bring along.
 */
export function checkOptionNames(
  option: string,
  value: unknown,
  known: readonly string[],
  directions: Directions = {},
): asserts value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(option, "must be an object", `It takes: ${known.join(", ")}.`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      const direction = Object.hasOwn(directions, name) ? directions[name] : undefined;
      const instead = direction ?? `It takes: ${known.join(", ")}.`;
      throw optionError(`${option}.${name}`, "is not an option", instead);
    }
  }
}

/** A string that is there and not empty; says so when an environment variable was probably unset. */
export function checkText(option: string, value: unknown): string {
  if (value === undefined) {
    throw optionError(option, "is undefined", "If it comes from the environment: is that set?");
  }
  if (typeof value !== "string" || value.trim() === "") {
    throw optionError(option, "must be a non-empty string", "Write the text itself.");
  }
  return value;
}

/** One string or several, as a list that is not empty; `undefined` stays `undefined`. */
export function checkTextList(option: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) {
    throw optionError(option, "is an empty list", "Name at least one, or leave the option out.");
  }
  return list.map((item, index) =>
    checkText(Array.isArray(value) ? `${option}[${index}]` : option, item),
  );
}

/** Longest delay that Node's timers take; a longer one would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;
