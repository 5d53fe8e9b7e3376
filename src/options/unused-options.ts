import { optionError } from "../shared/check.js";

/**
 * Refuses options that nothing looks at where another one is off: whoever wrote them takes it that they
 * count.
 *
 * @param names with a dot where they are inside of another.
 * @param off what is off, as it is written: `"resume: false"`.
 * @param instead what to do.
 */
export function refuseUnused(
  path: string,
  given: unknown,
  names: readonly string[],
  off: string,
  instead: string,
): void {
  for (const name of names) {
    if (memberAt(given, name) !== undefined) {
      throw optionError(`${path}.${name}`, `has no meaning with ${off}`, instead);
    }
  }
}

/** A member of options, or of an object in them: `"resume.graceMs"`. */
export function memberAt(options: unknown, name: string): unknown {
  return name.split(".").reduce(memberOf, options);
}

function memberOf(options: unknown, name: string): unknown {
  return (Object(options) as Record<string, unknown>)[name];
}
