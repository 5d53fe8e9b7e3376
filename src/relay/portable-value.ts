/** What a value is wrapped in that JSON has no form for: no claim of an identity provider has this name. */
const TAG = "\u0000";

/** No claim is deeper; a value that holds itself is. */
const MAX_DEPTH = 64;

/** Says of a value, in words, why it cannot be told to another process. */
export class NotPortableError extends Error {}

/**
 * A value as JSON can carry it, so that {@link fromPortable} makes the same of it again.
 *
 * Security decision: claims are compared to decide whose session it is. JSON drops what is
 * `undefined`, makes text of a date, `null` of what is no number, and `{}` of any set, so two that differ
 * would be the same, or one that is the same would not be. What has no form that another process
 * could compare, such as an object of a class, is refused: to leave it out would be to lose a right.
 *
 * @throws NotPortableError
 */
export function toPortable(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new NotPortableError("it is too deep");
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tagged("number", Object.is(value, -0) ? "-0" : String(value));
    case "undefined":
      return tagged("undefined", null);
    case "bigint":
      return tagged("bigint", String(value));
    case "object":
      return value === null ? null : objectToPortable(value, depth + 1);
    default:
      throw new NotPortableError(`it is a ${typeof value}`);
  }
}

function objectToPortable(value: object, depth: number): unknown {
  const all = (items: Iterable<unknown>): unknown[] =>
    [...items].map((item) => toPortable(item, depth));
  if (Array.isArray(value)) {
    if (Object.keys(value).length !== value.length) {
      throw new NotPortableError("it is a list with gaps");
    }
    return all(value);
  }
  if (value instanceof Date) return tagged("date", value.getTime());
  if (value instanceof Set) return tagged("set", all(value));
  if (value instanceof Map) {
    return tagged(
      "map",
      [...value].map((entry) => all(entry)),
    );
  }
  if (!isPlain(value)) throw new NotPortableError("it is an object of a class");
  const entries = Object.entries(value).map(
    ([name, item]) => [name, toPortable(item, depth)] as const,
  );
  return TAG in value ? tagged("object", entries) : Object.fromEntries(entries);
}

function tagged(kind: string, content: unknown): unknown {
  return { [TAG]: [kind, content] };
}

/** Of whatever realm, and not one that says itself what JSON makes of it. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  const hasNoClass = prototype === null || Object.getPrototypeOf(prototype) === null;
  return hasNoClass && typeof (value as { toJSON?: unknown }).toJSON !== "function";
}

/** What {@link toPortable} was given. */
export function fromPortable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromPortable);
  const [kind, content] = (value as Record<string, [string?, unknown?] | undefined>)[TAG] ?? [];
  if (kind !== undefined) return untagged(kind, content);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, fromPortable(item)]),
  );
}

function untagged(kind: string, content: unknown): unknown {
  switch (kind) {
    case "number":
      return Number(content);
    case "bigint":
      return BigInt(content as string);
    case "date":
      return new Date((content ?? NaN) as number);
    case "set":
      return new Set(fromPortable(content) as unknown[]);
    case "map":
      return new Map(fromPortable(content) as [unknown, unknown][]);
    case "object":
      return Object.fromEntries(fromPortable(content) as [string, unknown][]);
    default:
      return undefined;
  }
}
