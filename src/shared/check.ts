/** What to write instead of an option of another package, by its name. */
export type Directions = Readonly<Record<string, string>>;

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
      const meant = known.find((other) => isNear(name, other));
      const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
      const instead = direction ?? `It takes: ${known.join(", ")}.${hint}`;
      throw optionError(`${option}.${name}`, "is not an option", instead);
    }
  }
}

/** Whether two names differ in a letter, in the order of two, in case, or in what comes after the first. */
function isNear(name: string, known: string): boolean {
  const shortened = (text: string) =>
    Array.from(text, (_letter, at) => text.slice(0, at) + text.slice(at + 1)).concat(text);
  const forms = shortened(name.toLowerCase());
  const isTypo = shortened(known.toLowerCase()).some((form) => forms.includes(form));
  return isTypo || (name.length > 3 && known.startsWith(name));
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
