import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import type {
  CallKind,
  DenialKind,
  LimitKind,
  OpenCall,
  RefusalKind,
  Revocation,
} from "./ledger.js";
import type { Counted, Tally } from "./tally.js";
import { foreign, personMarkup, restText, table } from "./table.js";
import type { Column } from "./table.js";
import { countText, durationText } from "./text.js";
import type { Look } from "./view.js";
import { personOf } from "./person.js";

/** How many kinds, or calls, are shown. */
const MAX_ROWS = 20;

/** Calls without an answer, which may be stuck. */
export function openCalls(look: Look): Markup {
  const all = look.ledger.openCalls();
  const rows = all.slice(0, MAX_ROWS);
  const now = performance.now();
  const columns: readonly Column<OpenCall>[] = [
    { head: "Call", cell: ({ name }) => foreign(name) },
    { head: "For", isNumber: true, cell: ({ call }) => durationText(now - call.startedAt) },
    { head: "Principal", cell: ({ call }) => personMarkup(personOf(call.principal)) },
    { head: "Address", cell: ({ call }) => foreign(call.address ?? "", 45) },
  ];
  return html`<h2 id="calls-title">
      Calls in flight <span class="count">${countText(all.length)}</span>
    </h2>
    ${table({
      label: "Calls in flight, the oldest first",
      columns,
      rows,
      idOf: ({ call }) => `c-${call.session.id}-${JSON.stringify(call.id)}`,
      none: "Every call has its answer.",
    })}
    ${restText(rows.length, all.length, "calls", "The oldest are shown.")}`;
}

export function doneCalls(look: Look): Markup {
  return counted(look, look.ledger.calls, {
    id: "done",
    title: "Calls by name",
    head: "Call",
    name: ({ what }) => foreign(what.name),
    more: [
      { head: "Failed", isNumber: true, cell: ({ what }) => countText(what.failed) },
      { head: "Mean", isNumber: true, cell: ({ what, count }) => millis(what.totalMs / count) },
      { head: "Slowest", isNumber: true, cell: ({ what }) => millis(what.slowestMs) },
    ] satisfies readonly Column<Counted<CallKind>>[],
    none: "Nothing was called yet.",
  });
}

function millis(ms: number): string {
  return ms >= 10_000 ? durationText(ms) : `${countText(Math.round(ms))} ms`;
}

export function refusals(look: Look): Markup {
  return counted(look, look.ledger.refusals, {
    id: "refusals",
    title: "Refusals by reason",
    head: "Reason",
    name: ({ what }) =>
      html`<code>${what.code}</code
        >${what.isOthers && html` <span class="alarm">another’s session</span>`}`,
    more: [
      { head: "Status", isNumber: true, cell: ({ what }) => what.status },
      { head: "Request", cell: ({ what }) => what.leg },
    ] satisfies readonly Column<Counted<RefusalKind>>[],
    none: "Nothing was refused.",
  });
}

export function limits(look: Look): Markup {
  return counted(look, look.ledger.limits, {
    id: "limits",
    title: "Limits reached",
    head: "Limit",
    name: ({ what }) => html`<code>${what.limit}</code>`,
    more: [{ head: "Outcome", cell: ({ what }) => what.outcome }] satisfies readonly Column<
      Counted<LimitKind>
    >[],
    none: "No limit was reached.",
  });
}

export function denials(look: Look): Markup {
  return counted(look, look.ledger.denials, {
    id: "denials",
    title: "Denied by policy",
    head: "What",
    name: ({ what }) => html`${what.kind} ${foreign(what.name)}`,
    more: [
      {
        head: "Why",
        cell: ({ what }) =>
          what.missing.length > 0
            ? html`lacks ${what.missing.map((scope) => html`<code>${foreign(scope)}</code> `)}`
            : html`<code>${what.code}</code>`,
      },
    ] satisfies readonly Column<Counted<DenialKind>>[],
    none: "Nothing was denied.",
  });
}

export function endings(look: Look): Markup {
  return counted(look, look.ledger.endings, {
    id: "endings",
    title: "Sessions ended",
    head: "Reason",
    name: ({ what }) => html`<code>${what}</code>`,
    more: [],
    none: "No session has ended.",
  });
}

const REVOKED_BY: Readonly<Record<Revocation["by"], string>> = {
  "close-for": "closeFor, or this page",
  cluster: "another node",
};

export function revocations(look: Look): Markup {
  const rows = look.ledger.revocations;
  const columns: readonly Column<Revocation>[] = [
    {
      head: "Whose",
      cell: ({ principal }) =>
        principal === undefined ? "of several" : personMarkup(personOf(principal)),
    },
    { head: "By", cell: ({ by }) => REVOKED_BY[by] },
    { head: "Ended", isNumber: true, cell: ({ ended }) => countText(ended) },
    { head: "Ago", isNumber: true, cell: ({ at }) => durationText(look.at - at) },
  ];
  return html`<h2 id="revocations-title">Ended on purpose</h2>
    ${table({
      label: "Ended on purpose, the newest first",
      columns,
      rows,
      idOf: ({ nth }) => `r-${nth}`,
      none: "Nobody’s sessions were ended on purpose.",
    })}`;
}

interface CountedInit<T> {
  readonly id: string;
  readonly title: string;
  readonly head: string;
  readonly name: (row: Counted<T>) => Markup;
  readonly more: readonly Column<Counted<T>>[];
  readonly none: string;
}

function counted<T>(look: Look, tally: Tally<T>, init: CountedInit<T>): Markup {
  const { id, title, head, name, more, none } = init;
  const all = tally.list();
  const rows = all.slice(0, MAX_ROWS);
  const columns: readonly Column<Counted<T>>[] = [
    { head, cell: name },
    ...more,
    { head: "Count", isNumber: true, cell: ({ count }) => countText(count) },
    { head: "Last", isNumber: true, cell: ({ lastAt }) => durationText(look.at - lastAt) },
    { head: "Last by", cell: ({ lastBy }) => foreign(lastBy) },
  ];
  const shown = rows.reduce((sum, { count }) => sum + count, 0);
  return html`<h2 id="${id}-title">
      ${title} <span class="count">${countText(tally.total)}</span>
    </h2>
    ${table({ label: title, columns, rows, idOf: ({ key }) => `${id} ${key}`, none })}
    ${restText(shown, tally.total, "of other kinds", "")}`;
}
