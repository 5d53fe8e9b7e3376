import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import { peopleOf } from "./census.js";
import type { PersonRow, SessionRow } from "./census.js";
import { isWanted, queryText } from "./query.js";
import type { Query } from "./query.js";
import { foreign, personMarkup, restText, table } from "./table.js";
import type { Column } from "./table.js";
import { bytesText, countText, durationText } from "./text.js";
import type { Look } from "./view.js";

/** How many sessions are on a page. */
const PAGE = 50;

/** How many people are shown. */
const MAX_PEOPLE = 20;

/** How much of an id is shown: enough to find it in a log. */
const ID_LENGTH = 8;

export function people(look: Look, query: Query): Markup {
  const all = peopleOf(wanted(look, query));
  const rows = all.slice(0, MAX_PEOPLE);
  const columns: readonly Column<PersonRow>[] = [
    { head: "Principal", cell: ({ person }) => personMarkup(person) },
    // Next to the name: on a phone, what is further right is out of sight.
    { head: "Action", cell: ({ person }) => endLink(look.referenceOf(person), person.id) },
    { head: "Sessions", isNumber: true, cell: ({ sessions }) => countText(sessions) },
    { head: "In flight", isNumber: true, cell: ({ inFlight }) => countText(inFlight) },
    { head: "Last message", isNumber: true, cell: ({ activeAt }) => age(look, activeAt) },
  ];
  return html`<h2 id="people-title">
      Principals <span class="count">${countText(all.length)}</span>
    </h2>
    ${table({
      label: "Principals",
      columns,
      rows,
      idOf: ({ person }) => `p-${look.referenceOf(person)}`,
      none: query.text === "" ? "Nobody is connected." : "Nobody is found.",
    })}
    ${restText(rows.length, all.length, "principals", "Those with most sessions are shown; search for others.")}`;
}

function endLink(reference: string, id: string): Markup {
  return html`<a class="button small" href="end?who=${reference}"
    >End…<span class="unseen"> the sessions of ${foreign(id)}</span></a
  >`;
}

export function sessions(look: Look, query: Query): Markup {
  const all = wanted(look, query);
  const pages = Math.max(1, Math.ceil(all.length / PAGE));
  const page = Math.min(query.page, pages);
  const hasNodes = look.census.cluster !== undefined;
  return html`<h2 id="sessions-title">
      Sessions <span class="count">${countText(all.length)}</span>
    </h2>
    <p class="note">${byWire(all)}</p>
    ${table({
      label: "Sessions, the oldest first",
      columns: sessionColumns(look, hasNodes),
      rows: all.slice((page - 1) * PAGE, page * PAGE),
      idOf: ({ id }) => `s-${id}`,
      none: query.text === "" ? "There are no sessions." : "No session is found.",
    })}
    ${pages > 1 && paging({ ...query, page }, pages)}`;
}

function sessionColumns(look: Look, hasNodes: boolean): readonly Column<SessionRow>[] {
  return [
    { head: "Principal", cell: ({ person }) => personMarkup(person) },
    { head: "Client", cell: ({ client }) => foreign(client, 40) },
    { head: "Transport", cell: wireOf },
    { head: "State", cell: stateOf },
    { head: "In flight", isNumber: true, cell: ({ inFlight }) => countText(inFlight) },
    { head: "Waiting for it", isNumber: true, cell: (row) => waitingText(look, row) },
    { head: "Age", isNumber: true, cell: ({ openedAt }) => age(look, openedAt) },
    { head: "Last message", isNumber: true, cell: ({ activeAt }) => age(look, activeAt) },
    { head: "Address", cell: ({ address }) => foreign(address, 45) },
    ...(hasNodes
      ? [{ head: "Node", cell: ({ node = "" }: SessionRow) => foreign(node.slice(0, ID_LENGTH)) }]
      : []),
    { head: "Session", cell: ({ id }) => html`<code>${foreign(id.slice(0, ID_LENGTH))}</code>` },
  ];
}

/** What is counted at the beginning is what is searched for. */
function byWire(rows: readonly SessionRow[]): string {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(wireOf(row), (counts.get(wireOf(row)) ?? 0) + 1);
  return [...counts].map(([wire, count]) => `${countText(count)} over ${wire}`).join(", ");
}

function wireOf({ transport, era, hasBegun }: SessionRow): string {
  if (!hasBegun) return "not begun yet";
  const wire = transport === "sse" ? "HTTP+SSE" : "Streamable HTTP";
  return era === "" ? wire : `${wire} of ${era}`;
}

const STATES: ReadonlySet<string> = new Set(["opening", "open", "detached"]);

function stateOf({ state }: SessionRow): Markup {
  return html`<span class="state ${STATES.has(state) ? state : "other"}">${foreign(state)}</span>`;
}

/** How much is kept for its client, and how long the oldest waits that it may not have. */
function waitingText(look: Look, { waitingBytes, waitingSince }: SessionRow): string {
  if (waitingBytes <= 0) return "";
  const kept = bytesText(waitingBytes);
  return waitingSince > 0 ? `${kept}, ${age(look, waitingSince)}` : kept;
}

/** A node's clock may be ahead. */
function age({ at }: Look, since: number): string {
  return durationText(at - since);
}

function wanted({ census }: Look, query: Query): readonly SessionRow[] {
  return census.sessions.filter((row) => isWanted(query, row));
}

function paging({ text, page }: Query, pages: number): Markup {
  const link = (to: number, name: string): Markup =>
    to < 1 || to > pages
      ? html`<span class="button off">${name}</span>`
      : html`<a class="button" href="./${queryText({ text, page: to })}#sessions-title"
          >${name}</a
        >`;
  return html`<nav class="pages" aria-label="Pages of sessions">
    ${link(page - 1, "Previous page")}
    <span>Page ${page} of ${pages}</span>
    ${link(page + 1, "Next page")}
  </nav>`;
}
