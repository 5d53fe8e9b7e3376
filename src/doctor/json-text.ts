/** Longest text of a token or a document that a finding repeats, in characters. */
const MAX_LENGTH = 200;

/** How many of a list a finding repeats. */
const MAX_COUNT = 8;

/** A value of a token or a document, as it stands there; `"missing"` where it does not. */
export function jsonText(value: unknown): string {
  return value === undefined ? "missing" : stringify(value).slice(0, MAX_LENGTH);
}

/** Some values of a token or a document. */
export function jsonList(values: readonly unknown[]): string {
  const rest = values.length > MAX_COUNT ? ` and ${values.length - MAX_COUNT} more` : "";
  return values.slice(0, MAX_COUNT).map(jsonText).join(", ") + rest;
}

/** What a terminal obeys, or what changes how the rest of a line is read; but for the line breaks of indented JSON. */
const INVISIBLE = /[^\n\P{C}]|\p{Zl}|\p{Zp}/gu;

/**
 * JSON that is the same to whatever reads it, and that a terminal shows as it is: JSON itself escapes
 * few control characters.
 *
 * @see RFC 8259, section 7
 */
export function terminalJson(value: unknown, indent?: number): string {
  return stringify(value, indent).replace(INVISIBLE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** Values that can be parsed may be nested deeper than can be written: Node writes them by recursion. */
const MAX_DEPTH = 100;

/** JSON, with a text instead of what is nested too deeply. */
function stringify(value: unknown, indent?: number): string {
  const depths = new WeakMap<object, number>();
  return JSON.stringify(
    value,
    function (this: object, _name, member: unknown) {
      if (typeof member !== "object" || member === null) return member;
      const depth = (depths.get(this) ?? 0) + 1;
      depths.set(member, depth);
      return depth > MAX_DEPTH ? "(nested too deeply)" : member;
    },
    indent,
  );
}
