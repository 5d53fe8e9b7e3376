/** Longest name that is shown, in characters. */
const MAX_LENGTH = 80;

/**
 * What a reader cannot see, or what changes how the rest is read: control and format characters
 * (the bidirectional ones among them), line and paragraph separators, unassigned and private ones,
 * halves of surrogate pairs, and spaces and fillers that look like nothing.
 *
 * @see Unicode Technical Report 36, section 2; UAX 9
 */
const INVISIBLE = /\p{C}|\p{Zl}|\p{Zp}|\u115f|\u1160|\u3164|\uffa0|\u034f/gu;

/** Marks that are put onto a letter; more than two in a row are no writing. */
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu;

/**
 * A stranger's text as it may be shown.
 *
 * Security decision: what could make a name look like another one is replaced visibly rather than
 * dropped, so that a name that was made to deceive looks odd.
 */
export function displayText(text: string, maxLength = MAX_LENGTH): string {
  const clean = text
    .normalize("NFC")
    .replace(/[\t\n\r ]+/g, " ")
    .replace(INVISIBLE, "\ufffd")
    .replace(PILED_MARKS, "$1")
    .trim();
  const letters = Array.from(clean);
  return letters.length > maxLength ? `${letters.slice(0, maxLength).join("")}…` : clean;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

/** Text for HTML, between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? "");
}

/** Markup that is put into a page as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

/** Builds markup; text is escaped, and what is neither text, number nor {@link Markup} is left out. */
export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): Markup {
  const rendered = values.map((value) => render(value));
  return new Markup(parts.map((part, index) => part + (rendered[index] ?? "")).join(""));
}

function render(value: unknown): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(render).join("");
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  return "";
}
