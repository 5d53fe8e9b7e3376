import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import {
  denials,
  doneCalls,
  endings,
  limits,
  openCalls,
  refusals,
  revocations,
} from "./count-parts.js";
import { nodes, overview } from "./overview.js";
import type { Page } from "./page.js";
import { people, sessions } from "./people-parts.js";
import { MAX_SEARCH, queryText } from "./query.js";
import type { Query } from "./query.js";
import { foreign } from "./table.js";
import type { Look, Parts } from "./view.js";

/** What the page is made of, by the ids of its parts. */
const PARTS: ReadonlyMap<string, (look: Look, query: Query) => Markup> = new Map([
  ["overview", overview],
  ["nodes", nodes],
  ["people", people],
  ["sessions", sessions],
  ["calls", openCalls],
  ["done", doneCalls],
  ["refusals", refusals],
  ["denials", denials],
  ["limits", limits],
  ["endings", endings],
  ["revocations", revocations],
]);

/** The parts as they are now, each as it stands in its element. */
export function renderParts(look: Look, query: Query): Parts {
  return new Map([...PARTS].map(([id, render]) => [id, render(look, query).text]));
}

/** The page with everything in it, as it is now. */
export function mainPage(title: string, look: Look, query: Query): Page {
  const part = (id: string): Markup | undefined => PARTS.get(id)?.(look, query);
  const panel = (id: string): Markup =>
    html`<section id="${id}" class="panel" tabindex="-1" aria-labelledby="${id}-title">
      ${part(id)}
    </section>`;
  return {
    status: 200,
    title,
    liveAt: `live${queryText(query)}`,
    head: html`${about(look)}
      <p id="status" role="status">As of now</p>
      <div class="actions">
        <button type="button" id="pause" hidden>Pause</button>
        <a class="button" href="./${queryText(query)}">Reload</a>
      </div>`,
    content: html`<main>
      <section id="overview" tabindex="-1" aria-labelledby="overview-title">
        ${part("overview")}
      </section>
      ${look.census.cluster !== undefined && panel("nodes")} ${find(query)} ${panel("people")}
      ${panel("sessions")}
      <div class="pair">${panel("calls")} ${panel("done")}</div>
      <div class="pair">${panel("refusals")} ${panel("denials")}</div>
      <div class="pair">${panel("limits")} ${panel("endings")}</div>
      ${panel("revocations")}
    </main>`,
  };
}

/** Of which time and place the counts are. */
function about({ census, ledger }: Look): Markup {
  const since = new Date(ledger.since).toISOString();
  const time = html`<time datetime="${since}">${since.slice(0, 16).replace("T", " ")} UTC</time>`;
  const { cluster } = census;
  if (cluster === undefined) return html`<p class="about">Counts since ${time}</p>`;
  return html`<p class="about">
    Sessions of all nodes; everything else of node
    <code>${foreign(cluster.node.slice(0, 8))}</code>, since ${time}
  </p>`;
}

function find({ text }: Query): Markup {
  return html`<form class="find" role="search" method="get" action="./">
    <label for="q">Find sessions</label>
    <input
      id="q"
      name="q"
      type="search"
      value="${text}"
      maxlength="${MAX_SEARCH}"
      autocomplete="off"
      placeholder="principal, client, address, node or id"
    />
    <button type="submit">Find</button>
    ${text !== "" && html`<a class="button" href="./">Show all</a>`}
  </form>`;
}
