/**
 * How an option is declared, once: what is written, the range, the default, the check, and with
 * them the type of what it comes to. What an option is for stands in the doc comment of the type
 * that users see; the tables of the documentation are made of both.
 */

import { checkOptionNames, checkText, checkTextList, MAX_TIMER_MS, optionError } from "./check.js";
import type { Directions } from "./check.js";

/** One option, and what it comes to. */
export interface Option<T> {
  /** What is written, in the words of the tables: `"milliseconds, from 1"`. */
  readonly type: string;
  /** The default, if it is a plain value. */
  readonly fallback?: unknown;
  /** Whether it must not be `undefined` where it is written. */
  readonly isNeverUnset?: boolean;
  /** The options inside, if it is an object. */
  readonly options?: Options;
  /**
   * Checks and completes what was written; `undefined` where the option was left out.
   *
   * @param name how errors call the option.
   * @throws TypeError that says which option, what is wrong, and what to write instead.
   */
  read(name: string, value: unknown): T;
}

/** Options by their names. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** A declaration for each option of the type that users see: `{ … } satisfies Declares<CorsOptions>`. */
export type Declares<T> = { readonly [K in keyof T]-?: Option<unknown> };

/** What options come to. */
export type Resolved<D extends Options> = {
  readonly [K in keyof D]: Settings<D[K]>;
};

/** What an option comes to: `Settings<typeof RESUME>`. */
export type Settings<O> = O extends Option<infer T> ? T : never;

/** An object of options. */
export interface Block<D extends Options> extends Option<Resolved<D>> {
  readonly options: D;
}

/** An object of options that may be left out; a name that is not declared is an error. */
export function block<D extends Options>(options: D, directions?: Directions): Block<D> {
  const needed = objectOf(options, directions);
  return { ...needed, read: (name, value = {}) => needed.read(name, value) };
}

/** An object of options that must be there. */
export function objectOf<D extends Options>(options: D, directions?: Directions): Block<D> {
  const names = Object.keys(options);
  return {
    type: "object",
    options,
    read(name, value) {
      checkOptionNames(name, value, names, directions);
      return readOptions(options, name, value);
    },
  };
}

/**
 * Reads the declared options of an object, and none of its others.
 *
 * Security decision: where leaving an option out switches a check off, one that is written but
 * undefined, as with an environment variable that is not set, is an error.
 */
export function readOptions<D extends Options>(
  options: D,
  name: string,
  given: object,
): Resolved<D> {
  const read = Object.entries(options).map(([key, option]) => {
    const path = `${name}.${key}`;
    const value = valueOf(given, key);
    if (option.isNeverUnset && value === undefined && key in given) checkText(path, value);
    return [key, option.read(path, value)] as const;
  });
  return Object.fromEntries(read) as Resolved<D>;
}

/** What a number may be, both ends included. */
export interface Range {
  readonly min: number;
  readonly max?: number;
}

/** A number; `unit` is what it counts. */
export function number(unit: string, fallback: number, range: Range): Option<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  return {
    type: `${unit}, ${inWords(range)}`,
    fallback,
    read(name, value = fallback) {
      const isInRange = typeof value === "number" && value >= min && value <= max;
      if (isInRange) return value;
      throw optionError(
        name,
        `must be a number from ${min} to ${max}`,
        `Leave it out for the default, ${fallback}.`,
      );
    },
  };
}

/** A duration that a timer can hold. */
export function milliseconds(fallback: number, min = 1): Option<number> {
  return number("milliseconds", fallback, { min, max: MAX_TIMER_MS });
}

/** A number of whole things, from 0; `zero` says what 0 stands for. */
export function wholeNumber(
  unit: string,
  fallback: number,
  zero: string,
  max?: number,
): Option<number> {
  const range = { min: 0, ...(max !== undefined && { max }) };
  return checked(number(unit, fallback, range), (name, value) => {
    if (Number.isInteger(value)) return value;
    throw optionError(name, "is no whole number", `Write 0 ${zero}.`);
  });
}

/** A range, unless it ends where timers or numbers end: that is no bound to tell. */
function inWords({ min, max = MAX_TIMER_MS }: Range): string {
  return max === MAX_TIMER_MS ? `from ${min}` : `${min} to ${max}`;
}

/** A choice between yes and no. */
export function flag(fallback: boolean): Option<boolean> {
  return {
    type: "boolean",
    fallback,
    read(name, value = fallback) {
      if (typeof value === "boolean") return value;
      throw optionError(name, "must be true or false", `The default is ${fallback}.`);
    },
  };
}

/** One of several words; the first is the default. */
export function choice<const T extends string>(...words: readonly [T, ...T[]]): Option<T> {
  const quoted = words.map((word) => `"${word}"`);
  const all = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
  const [fallback] = words;
  return {
    type: all,
    fallback,
    read(name, value = fallback) {
      const chosen = words.find((word) => word === value);
      if (chosen !== undefined) return chosen;
      throw optionError(name, "is unknown", `Write ${all}.`);
    },
  };
}

/** A text that is not empty. */
export function text(): Option<string> {
  return { type: "text", read: checkText };
}

/** One text or several; never an empty list. */
export function texts(): Option<readonly string[] | undefined> {
  return { type: "text, or a list", read: checkTextList };
}

/** A function that is called back. */
export function callback<F>(instead: string): Option<F> {
  return {
    type: "function",
    read(name, value) {
      if (typeof value === "function") return value as F;
      throw optionError(name, "must be a function", instead);
    },
  };
}

/** What has a check of its own, with its default in it. */
export function custom<T>(
  type: string,
  read: (name: string, value: unknown) => T,
  fallback?: unknown,
): Option<T> {
  return { type, read, ...(fallback !== undefined && { fallback }) };
}

/** What is checked later, together with others. */
export function unchecked<T>(type: string): Option<T> {
  return { type, read: (_name, value) => value as T };
}

/** An option that may be left out. */
export function optional<T>(option: Option<T>): Option<T | undefined> {
  return {
    ...option,
    read: (name, value) => (value === undefined ? undefined : option.read(name, value)),
  };
}

/** An option with a default that is written like any other value. */
export function withDefault<T>(option: Option<T>, fallback: unknown): Option<T> {
  return { ...option, fallback, read: (name, value = fallback) => option.read(name, value) };
}

/** An option that must satisfy more, or comes to something else. */
export function checked<T, R>(option: Option<T>, check: (name: string, value: T) => R): Option<R> {
  return { ...option, read: (name, value) => check(name, option.read(name, value)) };
}

/** An option that is left out, or has a value: see {@link readOptions}. */
export function neverUnset<T>(option: Option<T>): Option<T> {
  return { ...option, isNeverUnset: true };
}

/** An object of options, or `false` for none of it. */
export function orFalse<T>(option: Option<T>): Option<T | undefined> {
  return {
    ...option,
    type: "object, or false",
    read: (name, value) => (value === false ? undefined : option.read(name, value)),
  };
}

/** Options that stand in `place` now, and still count where they stood: see {@link readMoved}. */
export function movedTo<K extends string>(
  place: string,
  ...names: readonly K[]
): Readonly<Record<K, Option<undefined>>> {
  const moved = names.map((name) => {
    const option: Option<undefined> = { type: `now \`${place}.${name}\``, read: () => undefined };
    return [name, option] as const;
  });
  return Object.fromEntries(moved) as Record<K, Option<undefined>>;
}

/**
 * Reads a block of which some options once stood in other places, and may still be written there.
 *
 * @param places the objects that may have them, by how errors call these.
 * @throws TypeError for one that is written in both places.
 */
export function readMoved<D extends Options>(
  to: Block<D>,
  name: string,
  given: unknown,
  places: Readonly<Record<string, unknown>>,
): Resolved<D> {
  const settings = to.read(name, given);
  const old = Object.entries(places).flatMap(([place, options]) =>
    Object.entries(to.options).flatMap(([key, option]) => {
      const value = valueOf(options, key);
      if (value === undefined) return [];
      if (valueOf(given, key) === undefined) return [[key, option.read(`${place}.${key}`, value)]];
      throw optionError(
        `${place}.${key}`,
        `is ${name}.${key} now, and written in both places`,
        `Keep ${name}.${key}.`,
      );
    }),
  );
  return { ...settings, ...(Object.fromEntries(old) as Partial<Resolved<D>>) };
}

function valueOf(options: unknown, key: string): unknown {
  return (Object(options) as Record<string, unknown>)[key];
}
