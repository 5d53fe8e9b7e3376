import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import type { NodesShown } from "./census.js";
import { chart } from "./chart.js";
import type { Rate } from "./rate.js";
import { foreign } from "./table.js";
import { countOf, countText, durationText } from "./text.js";
import type { Look } from "./view.js";

/** What is seen first: how much there is of everything. */
export function overview(look: Look): Markup {
  const { ledger } = look;
  const { rates } = ledger;
  return html`<h2 id="overview-title" class="unseen">Overview</h2>
    <dl class="tiles">
      ${sessionsTile(look)} ${callsTile(look)}
      ${rateTile("Calls", rates.calls, [
        countOf(ledger.calls.total, "answer"),
        `${countText(ledger.failedCalls)} failed`,
      ])}
      ${rateTile("Refusals", rates.refusals, [`${countText(ledger.refusals.total)} in all`])}
      ${rateTile("Denied by policy", rates.denials, [`${countText(ledger.denials.total)} in all`])}
      ${rateTile("Limits reached", rates.limits, [`${countText(ledger.limits.total)} in all`])}
    </dl>`;
}

function sessionsTile({ census, ledger }: Look): Markup {
  const states = ["open", "detached", "opening"]
    .map((name) => ({ name, count: census.sessions.filter(({ state }) => state === name).length }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${countText(count)} ${name}`);
  return tile(
    "Sessions",
    countText(census.sessions.length),
    states.join(", ") || "nobody is here",
    [`${countText(ledger.opened)} opened, ${countText(ledger.endings.total)} ended`],
  );
}

function callsTile({ census, ledger }: Look): Markup {
  const open = ledger.openCalls();
  const elsewhere = census.sessions
    .filter(({ node }) => node !== census.cluster?.node)
    .reduce((sum, { inFlight }) => sum + inFlight, 0);
  const [oldest] = open;
  const text =
    oldest === undefined
      ? "none waits here"
      : html`oldest ${durationText(performance.now() - oldest.call.startedAt)}:
        ${foreign(oldest.name, 40)}`;
  return tile("Calls in flight", countText(open.length + elsewhere), text, []);
}

function rateTile(name: string, rate: Rate, totals: readonly string[]): Markup {
  const steps = rate.steps();
  const highest = Math.max(...steps);
  const label = `${name} in the last ten minutes, for each ten seconds: at most ${highest}`;
  return html`<div class="tile">
    <dt>${name}</dt>
    <dd class="big">${countText(rate.lastMinute())}<span class="unit"> a minute</span></dd>
    <dd>${chart(steps, label)}</dd>
    <dd class="soft">${totals.join(" · ")}</dd>
  </div>`;
}

function tile(name: string, value: string, text: string | Markup, more: readonly string[]): Markup {
  return html`<div class="tile">
    <dt>${name}</dt>
    <dd class="big">${value}</dd>
    <dd>${text}</dd>
    ${more.map((line) => html`<dd class="soft">${line}</dd>`)}
  </div>`;
}

const STATES: Readonly<Record<NodesShown["state"], string>> = {
  joining: "Joining: others cannot reach this node yet.",
  up: "Up: this node can be reached by the others.",
  down: "Down: the engine is away, or does not deliver to this node. What is here goes on.",
  draining: "Draining: this node is handing its sessions over.",
  closed: "Closed.",
};

/** The nodes that serve the endpoint; nothing where there is one. */
export function nodes({ census }: Look): Markup {
  const { cluster } = census;
  if (cluster === undefined) return html``;
  const rows = cluster.nodes.map(({ id, isDraining }) => ({
    ...{ id, isDraining },
    isSilent: cluster.unreached.includes(id),
    sessions: census.sessions.filter(({ node }) => node === id).length,
  }));
  const names = cluster.unreached.map((id) => html`<code>${foreign(id)}</code> `);
  return html`<h2 id="nodes-title">Nodes <span class="count">${countText(rows.length)}</span></h2>
    <p class="note ${cluster.state} state">${STATES[cluster.state]}</p>
    ${
      cluster.unreached.length > 0 &&
      html`<p class="warning">Not answering: ${names}. Their sessions are not in the lists.</p>`
    }
    <ul class="nodes">
      ${rows.map(
        ({ id, isDraining, isSilent, sessions }) =>
          html`<li id="n-${id}">
            <code>${foreign(id)}</code>
            <span>${id === cluster.node ? "this node" : ""}</span>
            <span class="soft"
              >${isSilent ? "does not answer" : countOf(sessions, "session")}${isDraining ? ", draining" : ""}</span
            >
          </li>`,
      )}
    </ul>`;
}
