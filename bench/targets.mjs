import { median } from "./stats.mjs";

/**
 * What is to be reached. `least` or `most` bounds the ratio of each of `ours` to its `against`;
 * the worst counts.
 */
const JWT = ["hs256", "rs256"];
const METHODS = ["apikey", "hs256", "rs256", "oauth", "basic"];

const byAlgorithm = (mount) => [
  [`${mount}-hs256`, "C"],
  [`${mount}-rs256`, "C-rs"],
];

const SSE_TARGETS = [
  {
    ours: "in Express, JWT",
    against: "C, C-rs: wired by hand, with jose",
    pairs: byAlgorithm("router"),
    least: 1.7,
  },
  {
    ours: "in Express, JWT",
    against: "C0: the same without authentication",
    pairs: JWT.map((method) => [`router-${method}`, "C0"]),
    least: 1.05,
  },
  {
    ours: "in Express, JWT",
    against: "D: passport-jwt as in its README",
    pairs: [["router-hs256", "D"]],
    least: 5.5,
  },
  { ours: "`MCPServer`, JWT", against: "C, C-rs", pairs: byAlgorithm("server"), least: 4 },
  {
    ours: "`MCPServer`, JWT",
    against: "B: SDK on `node:http`, no authentication",
    pairs: [["server-hs256", "B"]],
    least: 1,
  },
  {
    ours: "`MCPServer`, JWT",
    against: "E: mcp-framework",
    pairs: [["server-hs256", "E"]],
    least: 10,
  },
  { ours: "in Express with `ahead`, JWT", against: "C", pairs: [["ahead-hs256", "C"]], least: 4 },
  {
    ours: "`MCPServer`, JWT",
    against: "F: fastmcp, which checks the GET only",
    pairs: [["server-hs256", "F"]],
    least: 2.5,
  },
  {
    ours: "any authentication method",
    against: "no authentication, same mount",
    pairs: ["router", "server"].flatMap((mount) =>
      METHODS.map((method) => [`${mount}-${method}`, `${mount}-none`]),
    ),
    least: 0.95,
  },
  {
    ours: "p99 at 50 sessions, `MCPServer`, JWT",
    against: "C",
    pairs: [["server-hs256", "C"]],
    measure: "p99",
    most: 0.3,
  },
  {
    ours: "p99 at 500 sessions, `MCPServer`, JWT",
    against: "C",
    pairs: [["server-hs256", "C"]],
    shape: "500",
    measure: "p99",
    most: 0.3,
  },
  {
    ours: "RSS per idle session at 5,000, `MCPServer`",
    against: "C",
    pairs: [["server-hs256", "C"]],
    memoryAt: 5_000,
    most: 0.5,
  },
  {
    ours: "sessions opened per second, `MCPServer`, JWT",
    against: "C",
    pairs: [["server-hs256", "C"]],
    shape: "open",
    least: 1.6,
  },
  {
    ours: "the same of a server that has opened thousands",
    against: "C",
    pairs: [["server-hs256", "C"]],
    shape: "open-later",
    least: 1.4,
  },
  {
    ours: "the same in Express, JWT",
    against: "C",
    pairs: [["router-hs256", "C"]],
    shape: "open-later",
    least: 1,
  },
  ...Object.entries({ "500-own": "500 busy sessions", "2000-own": "2,000 that call at times" }).map(
    ([shape, who]) => ({
      ours: `CPU of a call of ${who}, \`MCPServer\`, JWT`,
      against: "B: SDK on `node:http`, no authentication",
      pairs: [["server-hs256", "B"]],
      shape,
      measure: "cpuUs",
      most: 1.05,
    }),
  ),
  {
    ours: "resumption on (the default)",
    against: "resumption off",
    pairs: ["router", "server"].map((mount) => [`${mount}-hs256`, `${mount}-hs256-no-resume`]),
    least: 0.95,
  },
  {
    ours: "CPU of a call with a policy of ten rules",
    against: "without one",
    pairs: ["router", "server"].map((mount) => [`${mount}-hs256-policy`, `${mount}-hs256`]),
    measure: "cpuUs",
    most: 1.02,
  },
];

const STREAMABLE_TARGETS = [
  {
    ours: "CPU of a call with a session, in Express, JWT",
    against: "ours over HTTP+SSE in Express, JWT",
    pairs: [["http-hs256", "router-hs256"]],
    measure: "cpuUs",
    most: 1.15,
  },
  {
    ours: "in Express, JWT",
    against: "S1: SDK v1's transport on Express, no authentication",
    pairs: [["http-hs256", "S1"]],
    least: 1.7,
  },
  {
    ours: "in Express with `ahead`, JWT",
    against: "S1",
    pairs: [["http-ahead-hs256", "S1"]],
    least: 3,
  },
  {
    ours: "`MCPServer`, JWT",
    against: "ours in Express with `ahead`, JWT",
    pairs: [["http-server-hs256", "http-ahead-hs256"]],
    least: 0.9,
  },
  {
    ours: "any authentication method",
    against: "no authentication",
    pairs: METHODS.map((method) => [`http-${method}`, "http-none"]),
    least: 0.95,
  },
  {
    ours: "2026-07-28 in Express, no authentication",
    against: "M: SDK v2's `toNodeHandler` on Express, no authentication",
    pairs: [["modern-none", "M"]],
    least: 1.3,
  },
  {
    ours: "2026-07-28, a token or an API key",
    against: "no authentication",
    pairs: ["apikey", "hs256", "oauth"].map((method) => [`modern-${method}`, "modern-none"]),
    least: 0.95,
  },
  {
    ours: "RSS per idle session at 5,000, `MCPServer`, JWT",
    against: "S1",
    pairs: [["http-server-hs256", "S1"]],
    memoryAt: 5_000,
    most: 0.5,
  },
];

const TARGETS = { sse: SSE_TARGETS, streamable: STREAMABLE_TARGETS };

/** The targets of a set of rows; of all, if it is not said which. */
function targetsOf(set) {
  return set === undefined ? Object.values(TARGETS).flat() : TARGETS[set];
}

/** Each target with the worst of its pairs, its ratio, how that varied, and whether it is met. */
export function judge(results) {
  return targetsOf(results.set).map((target) => {
    const ratios = target.pairs
      .map(([ours, theirs]) => ({ ours, ...compare(results, target, ours, theirs) }))
      .filter(({ ratio }) => Number.isFinite(ratio))
      .sort((a, b) => a.ratio - b.ratio);
    const worst = target.most === undefined ? ratios[0] : ratios.at(-1);
    const middle = median(ratios.map(({ ratio }) => ratio));
    const isMet =
      worst &&
      (target.most === undefined ? worst.ratio >= target.least : worst.ratio <= target.most);
    return { ...target, worst, middle, isMet };
  });
}

function compare(results, { shape = "50", measure, memoryAt }, ours, theirs) {
  if (memoryAt !== undefined) {
    return { ratio: results.memory(ours, memoryAt) / results.memory(theirs, memoryAt) };
  }
  return {
    ratio: results.ratio(ours, theirs, shape, measure),
    spread: results.spread(ours, theirs, shape, measure),
  };
}

/** Whether a target is about the memory of a row. */
export function isMemoryCompared(id) {
  return targetsOf().some(
    ({ memoryAt, pairs }) => memoryAt !== undefined && pairs.flat().includes(id),
  );
}
