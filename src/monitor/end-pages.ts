import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import type { Ended, PersonRow } from "./census.js";
import { isPerson, personField } from "./person.js";
import type { Person } from "./person.js";
import type { Page } from "./page.js";
import { foreign, personMarkup } from "./table.js";
import { countOf } from "./text.js";

const BACK = html`<a class="button" href="./">Back</a>`;

/** Asks whether somebody's sessions are to be ended, and says whose these are. */
export function askPage(person: Person, people: readonly PersonRow[], token: string): Page {
  const meant = people.filter((row) => isPerson(person, row.person));
  return narrow(
    200,
    "End these sessions?",
    html`<p id="question">
        Everything of <strong>${foreign(person.id)}</strong> ends at once, through whichever client:
        sessions, and requests without one.
      </p>
      <ul>
        ${meant.map(
          ({ person: who, sessions }) =>
            html`<li>${countOf(sessions, "session")} of ${personMarkup(who)}</li>`,
        )}
      </ul>
      <p class="soft">
        It keeps nobody from coming back. Withdraw their access first, where they got it.
      </p>
      <form method="post" action="end" aria-describedby="question">
        <input type="hidden" name="token" value="${token}" />
        <input type="hidden" name="person" value="${personField(person)}" />
        <div class="actions">
          <button type="submit" class="danger">End their sessions</button>
          <a class="button" href="./">Cancel</a>
        </div>
      </form>`,
  );
}

/** Says what came of it. */
export function endedPage({ id }: Person, { closed, nodes, unreached }: Ended): Page {
  return narrow(
    200,
    "Sessions ended",
    html`<p role="status">
        ${countOf(closed, "session")} of <strong>${foreign(id)}</strong>
        ${closed === 1 ? "has" : "have"}
        ended${nodes !== undefined && html`, at ${countOf(nodes.length, "node")}`}.
      </p>
      ${
        unreached.length > 0 &&
        html`<p class="warning" role="alert">
          Not answering: ${unreached.map((node) => html`<code>${foreign(node)}</code> `)}. They end
          what they have at the latest when they can reach the engine again. To be sure, end these
          sessions again later.
        </p>`
      }
      <p>${BACK}</p>`,
  );
}

/** Says why something was not done. */
export function problemPage(status: number, title: string, text: string): Page {
  return narrow(
    status,
    title,
    html`<p role="alert">${text}</p>
      <p>${BACK}</p>`,
  );
}

function narrow(status: number, title: string, content: Markup): Page {
  return {
    status,
    title,
    content: html`<main class="narrow">
      <section class="panel">
        <h1>${title}</h1>
        ${content}
      </section>
    </main>`,
  };
}
