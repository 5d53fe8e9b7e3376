/**
 * Rows that a target compares take turns with each other, within seconds, since the machine
 * changes its speed within minutes. `again` names rows that another group measures too, and the
 * shapes that are compared in this one.
 */
const GROUPS = [
  {
    rows: ["A+", "A+raw", "C0", "C", "C-rs", "D", "router-hs256", "router-rs256"],
    again: {},
  },
  {
    rows: ["A", "B", "E", "F", "ahead-hs256", ...named("server", "hs256", "rs256")],
    again: { C: ["50", "500"], "C-rs": ["50"] },
  },
  ...["router", "server"].map((mount) => ({
    rows: [
      ...named(mount, "none", "apikey", "oauth", "basic"),
      `${mount}-hs256-no-resume`,
      ...(mount === "server" ? ["server-none-token"] : []),
    ],
    again: { [`${mount}-hs256`]: ["50"], [`${mount}-rs256`]: ["50"] },
  })),
];

function named(mount, ...methods) {
  return methods.map((method) => `${mount}-${method}`);
}

/** @returns rows in groups, each row with the ids of the shapes that it is measured for; all if undefined. */
export function groupsOf(rows, isWhole) {
  const all = rows.map((row) => ({ row }));
  // Whoever asks for a few rows compares those.
  if (!isWhole) return [all];
  const byId = new Map(rows.map((row) => [row.id, row]));
  const groups = GROUPS.map(({ rows: first, again }) => [
    ...Object.entries(again).map(([id, shapes]) => ({ row: byId.get(id), shapes })),
    ...first.map((id) => ({ row: byId.get(id) })),
  ]);
  const grouped = new Set(groups.flat().map(({ row }) => row));
  const lost = rows.filter((row) => !grouped.has(row));
  if (lost.length > 0 || grouped.has(undefined)) {
    throw new Error(`rows.mjs and groups.mjs do not agree: ${lost.map(({ id }) => id).join(", ")}`);
  }
  return groups;
}
