import { rowBefore } from "./rows.mjs";

/** What is measured of rows of Streamable HTTP. */
const CALLS_ONLY = ["50"];

/**
 * Rows that a target compares take turns with each other, within seconds, since the machine
 * changes its speed within minutes. `partly` names rows, most of them of another group, that are
 * measured for these shapes only.
 */
const SSE_GROUPS = [
  {
    rows: ["A+", "A+raw", "C0", "C", "C-rs", "D", "router-hs256", "router-rs256"],
    partly: {},
  },
  {
    rows: ["A", "B", "E", "F", "ahead-hs256", ...named("server", "hs256", "rs256")],
    partly: {
      C: ["50", "500"],
      "C-rs": ["50"],
      "server-hs256-no-resume": ["50", "500-own", "2000-own"],
    },
  },
  ...["router", "server"].map((mount) => ({
    rows: named(mount, "none", "apikey", "oauth", "basic"),
    // The last two are measured for nothing but what they are compared with.
    partly: Object.fromEntries(
      named(mount, "hs256", "rs256", "hs256-no-resume", "hs256-policy", "none-token").map((id) => [
        id,
        ["50"],
      ]),
    ),
  })),
];

const STREAMABLE_GROUPS = [
  [
    "S1",
    "S1-jose",
    "S2",
    "SE",
    "SF",
    "router-hs256",
    "http-hs256",
    "http-ahead-hs256",
    "http-server-hs256",
  ],
  named("http", "none", "apikey", "hs256", "rs256", "oauth", "basic"),
  ["M", ...named("modern", "none", "apikey", "hs256", "oauth")],
].map((ids) => ({ rows: [], partly: Object.fromEntries(ids.map((id) => [id, CALLS_ONLY])) }));

const GROUPS = { sse: SSE_GROUPS, streamable: STREAMABLE_GROUPS };

function named(mount, ...methods) {
  return methods.map((method) => `${mount}-${method}`);
}

/** @returns each row of ours with the same of another build, in a group of their own. */
export function pairsOf(rows) {
  return rows.filter(({ ours }) => ours).map((row) => [{ row }, { row: rowBefore(row) }]);
}

/**
 * @param set whose groups they are; without one they are all in one.
 * @returns rows in groups, each row with the ids of the shapes that it is measured for; all if undefined.
 */
export function groupsOf(rows, set) {
  const all = rows.map((row) => ({ row }));
  // Whoever asks for a few rows compares those.
  if (set === undefined) return [all];
  const byId = new Map(rows.map((row) => [row.id, row]));
  const groups = GROUPS[set].map(({ rows: first, partly }) => [
    ...Object.entries(partly).map(([id, shapes]) => ({ row: byId.get(id), shapes })),
    ...first.map((id) => ({ row: byId.get(id) })),
  ]);
  const grouped = new Set(groups.flat().map(({ row }) => row));
  const lost = rows.filter((row) => !grouped.has(row));
  if (lost.length > 0 || grouped.has(undefined)) {
    throw new Error(`rows.mjs and groups.mjs do not agree: ${lost.map(({ id }) => id).join(", ")}`);
  }
  return groups;
}
