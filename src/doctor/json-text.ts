/** Longest text of a token or a document that a finding repeats, in characters. */
const MAX_LENGTH = 200;

/** How many of a list a finding repeats. */
const MAX_COUNT = 8;

/** A value of a token or a document, as it stands there; `"missing"` where it does not. */
export function jsonText(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, MAX_LENGTH);
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
  return JSON.stringify(value, null, indent).replace(INVISIBLE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
