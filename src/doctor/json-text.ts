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
