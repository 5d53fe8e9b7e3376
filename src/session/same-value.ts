import { types } from "node:util";

/** How deep values are compared; nobody names a role deeper than that. */
const MAX_DEPTH = 16;

/** Whether two values of claims are the same; the order of texts in a list says nothing. */
export function isSameValue(one: unknown, other: unknown, depth = 0): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return false;
  }
  if (depth === MAX_DEPTH) return false;
  const [mine, theirs] = [contentsOf(one), contentsOf(other)];
  if (mine === undefined || theirs === undefined) return false;
  if (mine !== one || theirs !== other) return isSameValue(mine, theirs, depth + 1);
  return Array.isArray(one) === Array.isArray(other) && haveSameEntries(one, other, depth);
}

function haveSameEntries(one: object, other: object, depth: number): boolean {
  const [mine, theirs] = [sorted(one), sorted(other)];
  return (
    mine.length === theirs.length &&
    mine.every(([name, value], index) => {
      const [name2, value2] = theirs[index] ?? [];
      return name === name2 && isSameValue(value, value2, depth + 1);
    })
  );
}

/** One text for all values that are the same; `undefined` for what another process cannot compare. */
export function canonical(value: unknown, depth = 0): string | undefined {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "symbol" || typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
  if (depth === MAX_DEPTH) return undefined;
  const contents = contentsOf(value);
  if (contents === undefined) return undefined;
  if (contents !== value) return canonical(contents, depth + 1);
  const entries = sorted(value).map(([name, item]) => [name, canonical(item, depth + 1)] as const);
  if (entries.some(([, text]) => text === undefined)) return undefined;
  return JSON.stringify([Array.isArray(value), entries]);
}

/**
 * What is compared of an object: itself where its entries say all, else what it holds; `undefined` for
 * what does not show that.
 *
 * Security decision: a set of roles has no entries, and a date or an id of a database may have none
 * either. Compared by their entries, all of them would be the same. What cannot be told apart is not
 * the same, so whoever names it finds no session, instead of somebody else's rights.
 */
function contentsOf(value: object): unknown {
  if (types.isSet(value) || types.isMap(value)) return [...(value as Iterable<unknown>)];
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function") return (toJSON as () => unknown).call(value);
  const isPlain = Array.isArray(value) || isPlainObject(value);
  return isPlain || Object.keys(value).length > 0 ? value : undefined;
}

/** Of whatever realm. */
function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function sorted(value: object): readonly (readonly [string, unknown])[] {
  const isTextList = Array.isArray(value) && value.every((item) => typeof item === "string");
  if (isTextList) return Object.entries((value as readonly string[]).toSorted());
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
}
