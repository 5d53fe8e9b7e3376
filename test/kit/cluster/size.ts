const small = { each: 1, rounds: 1, calls: 400, kills: 40, outageMs: 4_000 };
const full = { each: 10, rounds: 3, calls: 2_000, kills: 200, outageMs: 20_000 };

/** How much the long tests do: `npm run cluster:soak` does all of it, CI less. */
export const SIZE = process.env["CLUSTER_SOAK"] === "full" ? full : small;
