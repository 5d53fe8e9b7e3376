import { hash } from "node:crypto";
import { displayText, html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import type { PersonShown } from "./person.js";
import { countOf } from "./text.js";

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Markup | string | number;
  /** Whether it has numbers, which stand below each other. */
  readonly isNumber?: boolean;
}

export interface TableInit<T> {
  /** What it has, for who cannot see where it stands. */
  readonly label: string;
  /** The first names the row. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** An id of the row's own, by which it stays the same element over updates. */
  readonly idOf: (row: T) => string;
  /** What is said where there are none. */
  readonly none: string;
}

/** A table that can be scrolled sideways, and read row by row. */
export function table<T>({ label, columns, rows, idOf, none }: TableInit<T>): Markup {
  if (rows.length === 0) return html`<p class="none">${none}</p>`;
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map(({ head, isNumber }) => headCell(head, isNumber))}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr id="${elementId(idOf(row))}">
              ${columns.map((column, at) => cell(column, row, at))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** An id that an element may have: of what others call something, a digest. */
function elementId(text: string): string {
  return /^[\w-]{1,64}$/.test(text) ? text : hash("sha256", text, "base64url");
}

function headCell(head: string, isNumber = false): Markup {
  return isNumber
    ? html`<th scope="col" class="number">${head}</th>`
    : html`<th scope="col">${head}</th>`;
}

function cell<T>({ cell: show, isNumber = false }: Column<T>, row: T, at: number): Markup {
  if (at === 0) return html`<th scope="row">${show(row)}</th>`;
  return isNumber ? html`<td class="number">${show(row)}</td>` : html`<td>${show(row)}</td>`;
}

/** A text of somebody else's, apart from what stands beside it. */
export function foreign(text: string, maxLength?: number): Markup {
  return html`<bdi>${displayText(text, maxLength)}</bdi>`;
}

/** Longest name of somebody, in characters. */
const MAX_NAME = 48;

/** Who it is, by which method, through which client. */
export function personMarkup(person: PersonShown | undefined): Markup {
  if (person === undefined) return html`<span class="soft">anybody</span>`;
  const { id, method, clientId, issuer } = person;
  return html`<strong>${foreign(id, MAX_NAME)}</strong>
    <span class="soft"
      >${foreign(method)}${clientId !== undefined && html` through ${foreign(clientId, MAX_NAME)}`}${
        issuer !== undefined && html`, of ${foreign(issuer, MAX_NAME)}`
      }</span
    >`;
}

/** What of something long is not shown, in words; nothing where all is. */
export function restText(shown: number, all: number, what: string, how: string): Markup | false {
  return (
    shown < all &&
    html`<p class="note">${countOf(all - shown, `more ${what}`, `more ${what}`)}. ${how}</p>`
  );
}
