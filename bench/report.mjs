/** The results as Markdown. */
import { judge } from "./targets.mjs";

/** What rows are compared with, by their set. */
const BASES = { sse: "C", streamable: "S1" };

function baseOf({ set }) {
  return BASES[set] ?? BASES.sse;
}

/** All columns but the first two are numbers. */
function table(head, rows) {
  const rule = head.map((_, index) => (index < 2 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function number(value, digits = 0) {
  if (value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Three figures say all that there is to say. */
function short(value) {
  if (value === undefined) return "–";
  return number(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function callTable(results, shape) {
  const measure = (id, name) => results.value(id, shape, name);
  const base = baseOf(results);
  const head = [
    "row",
    "server",
    "calls/s",
    `x ${base}`,
    "CPU µs/call",
    "p50 ms",
    "p95 ms",
    "p99 ms",
  ];
  const measured = results.present.filter(({ id }) => measure(id, "perSecond") !== undefined);
  const rows = measured.map(({ id, name }) => [
    id,
    name,
    number(measure(id, "perSecond")),
    short(results.ratio(id, base, shape)),
    short(measure(id, "cpuUs")),
    short(measure(id, "p50")),
    short(measure(id, "p95")),
    short(measure(id, "p99")),
  ]);
  return table(head, rows);
}

function sessionTable(results) {
  const kib = (bytes) => (bytes === undefined ? "–" : number(bytes / 1024, 1));
  const counts = results.plan.idle;
  const base = baseOf(results);
  const rss = counts.map((count) => `RSS/session at ${number(count)}, KiB`);
  const head = [
    "row",
    "server",
    "opened/s",
    `x ${base}`,
    "later",
    `x ${base}`,
    ...rss,
    "heap/session, KiB",
  ];
  const opened = (id) => results.value(id, "open", "perSecond");
  const measured = results.present.filter(
    ({ id }) =>
      (opened(id) ??
        results.value(id, "open-later", "perSecond") ??
        results.memory(id, counts[0])) !== undefined,
  );
  const rows = measured.map(({ id, name }) => [
    id,
    name,
    number(opened(id)),
    short(results.ratio(id, base, "open")),
    number(results.value(id, "open-later", "perSecond")),
    short(results.ratio(id, base, "open-later")),
    ...counts.map((count) => kib(results.memory(id, count))),
    kib(results.memory(id, counts.at(-1), "heap")),
  ]);
  return table(head, rows);
}

function messageTable(results) {
  const head = ["row", "server", "1 MiB to one, ms", `1 kB to ${number(results.plan.readers)}, ms`];
  const rows = results.present
    .filter(
      ({ id }) =>
        (results.value(id, "big", "p50") ?? results.value(id, "notify", "p50")) !== undefined,
    )
    .map(({ id, name }) => [
      id,
      name,
      short(results.value(id, "big", "p50")),
      short(results.value(id, "notify", "p50")),
    ]);
  return table(head, rows);
}

function targetTable(results) {
  const head = ["ours", "against", "target", "measured", "half of the rounds", "met"];
  const rows = judge(results).map(({ ours, against, least, most, worst, middle, isMet, pairs }) => [
    ours,
    against,
    least === undefined ? `at most ${most} x` : `at least ${least} x`,
    worst === undefined ? "–" : `${worst.ratio.toFixed(2)} x${detail(pairs, worst, middle)}`,
    worst?.spread === undefined
      ? "–"
      : `${worst.spread.low.toFixed(2)} to ${worst.spread.high.toFixed(2)}`,
    worst === undefined ? "not measured" : isMet ? "yes" : "**no**",
  ]);
  return table(head, rows);
}

/** Which of several pairs is the worst, and what there is in the middle of many. */
function detail(pairs, { ours }, middle) {
  if (pairs.length === 1) return "";
  return pairs.length === 2 ? ` (${ours})` : ` (${ours}; ${middle.toFixed(2)} x in the middle)`;
}

/** Above this share of the time, a process counts as busy all the time. */
const BUSY = 0.85;

function namesOf(rows) {
  return rows.map(({ id }) => id).join(", ");
}

/**
 * With 50 calls in flight there is always something to do, for the server or for the load
 * generator. Where neither was busy, something else had their cores, and the numbers are void.
 */
function validity(results) {
  const busy = (id, who) => results.value(id, "50", who) ?? 1;
  const limited = results.present.filter(({ id }) => busy(id, "loadBusy") > BUSY);
  const disturbed = results.present.filter(
    ({ id }) => busy(id, "loadBusy") <= BUSY && busy(id, "serverBusy") <= BUSY,
  );
  const lines = [];
  if (limited.length > 0) {
    lines.push(`Limited by the load generator, so faster than shown: ${namesOf(limited)}.`);
  }
  if (disturbed.length > 0) {
    lines.push(
      `**Void, since other programs used the cores** (neither server nor load was busy): ${namesOf(disturbed)}.`,
    );
  }
  return lines.length > 0 ? lines.join(" ") : "Every server was busy while it was measured.";
}

/** Every table, under a heading each. */
export function formatTables(results) {
  const parts = results.plan.calls
    .filter(({ id }) => results.present.some((row) => results.has(row.id, id)))
    .map(({ id, name }) => `## ${name}\n\n${callTable(results, id)}`);
  if (results.plan.has("open") || results.plan.has("open-later") || results.plan.has("memory")) {
    parts.push(`## Sessions\n\n${sessionTable(results)}`);
  }
  if (results.present.some(({ id }) => results.has(id, "big") || results.has(id, "notify"))) {
    parts.push(`## Large and many messages\n\n${messageTable(results)}`);
  }
  for (const [id, why] of results.missing) parts.push(`${id} is left out: ${why}.`);
  if (results.plan.has("50")) parts.push(validity(results));
  return [`## Targets, at 50 sessions\n\n${targetTable(results)}`, ...parts].join("\n\n");
}

/** What ours is to another build of it: time of the server for a call, and calls a second. */
export function formatComparison(results) {
  const shapes = results.plan.calls.filter(({ id }) =>
    results.present.some((row) => results.value(row.id, id, "cpuUs") !== undefined),
  );
  const head = [
    "row",
    "shape",
    "CPU µs/call before",
    "now",
    "x before",
    "half of the rounds",
    "calls/s x before",
  ];
  const rows = results.rows
    .filter(({ id }) => !id.endsWith(" before"))
    .flatMap(({ id }) => shapes.map((shape) => compared(results, id, shape)));
  return table(head, rows);
}

function compared(results, id, { id: shape }) {
  const before = `${id} before`;
  const spread = results.spread(id, before, shape, "cpuUs");
  return [
    id,
    shape,
    short(results.value(before, shape, "cpuUs")),
    short(results.value(id, shape, "cpuUs")),
    results.ratio(id, before, shape, "cpuUs").toFixed(3),
    spread === undefined ? "–" : `${spread.low.toFixed(3)} to ${spread.high.toFixed(3)}`,
    results.ratio(id, before, shape).toFixed(3),
  ];
}

/** How long imports take. */
export function formatImports(imports) {
  const head = ["import", "in a fresh process", "ms"];
  return table(
    head,
    imports.map(({ name, ms }) => [name, "median of nine", number(ms)]),
  );
}

const TITLES = { sse: "HTTP+SSE", streamable: "Streamable HTTP" };

/** The part of RESULTS.md that is about one set of rows. */
export function formatReport(results, { machine, versions, cores, minutes, imports }) {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const { rounds, turns, generations } = results.plan;
  const isFirst = imports !== undefined;
  const tables = isFirst
    ? `${formatTables(results)}\n\n## Imports\n\n${formatImports(imports)}`
    : formatTables(results);
  return `## ${TITLES[results.set]}

Written on ${new Date().toISOString().slice(0, 10)} by \`node bench/run.mjs --rows ${results.set}\` in ${minutes.toFixed(1)} minutes, of version ${versions["express-mcp-sse"]}.

- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}
- ${list.join(", ")}
- ${cores.note}; ${turns} turns at 50 sessions and ${rounds} of the other shapes, in ${generations} processes for each row; medians, and medians of the rounds' ratios

${isFirst ? "![Calls per second](results.svg)\n\n" : ""}${tables.replaceAll(/^## /gm, "### ")}
`;
}

/** RESULTS.md with the part about one set in the place of what it says of that now. */
export function withReport(file, set, text) {
  const part = new RegExp(`<!-- ${set} -->\\n.*?<!-- end -->\\n`, "s");
  if (!part.test(file)) throw new Error(`RESULTS.md has no part for ${set}`);
  return file.replace(part, () => `<!-- ${set} -->\n\n${text}\n<!-- end -->\n`);
}
