/**
 * What it costs to know what clients have: each has connections of its own, as clients have, so that
 * its answer to a ping shares none with the calls of others. These come last, since they stay so.
 * `spread` is how many calls sessions make at most before, each another number: what a server does once
 * in so many calls it then does all the time, and not for all sessions at once.
 */
const ACKNOWLEDGED = [
  {
    id: "500-own",
    name: "500 sessions, 1 call in flight each, connections of their own",
    sessions: 500,
    ms: 1_500,
  },
  {
    id: "2000-own",
    name: "2,000 sessions that call every two seconds, connections of their own",
    sessions: 2_000,
    everyMs: 2_000,
    ms: 6_000,
  },
].map((shape) => ({
  ...shape,
  width: 1,
  hasOwn: true,
  spread: 40,
  rows: ["B", "server-hs256", "server-hs256-no-resume"],
}));

/** How much is measured, in a full run and in a short one. */
const CALLS = [
  { id: "1x1", name: "1 session, 1 call in flight", sessions: 1, width: 1, ms: 200 },
  { id: "1x8", name: "1 session, 8 calls in flight", sessions: 1, width: 8, ms: 200 },
  { id: "50", name: "50 sessions, 1 call in flight each", sessions: 50, width: 1, ms: 800 },
  { id: "500", name: "500 sessions, 1 call in flight each", sessions: 500, width: 1, ms: 600 },
  ...ACKNOWLEDGED,
];

/** The shape that most targets are about: servers take many short turns in it. */
const MAIN = "50";

const FULL = {
  /** Rounds of all shapes but the main one. */
  rounds: 5,
  /** Turns that each row has in the main shape. */
  turns: 9,
  /** How many processes each row has, one after the other: two of the same may differ. */
  generations: 3,
  calls: CALLS,
  /** How often a fresh server is called before anything is measured, until it is compiled. */
  warmUpCalls: 16_000,
  /** How long that may take; the slow ones need 2 seconds. */
  warmUpMs: 2_200,
  /** How long each shape runs before its window. */
  settleMs: 150,
  /** How many sessions are opened to see how fast that goes; the first of them do not count. */
  toOpen: 450,
  openSkip: 250,
  /** The same of a server that has been up for a while: by then all that opening needs is compiled. */
  toOpenLater: 2_500,
  openLaterSkip: 2_000,
  idle: [1_000, 5_000],
  /** How many sessions there are before memory is measured: by then the young heap has its size. */
  idleFirst: 500,
  /** How many processes memory is measured in. */
  idleRounds: 3,
  bigRepeats: 15,
  readers: 1_000,
  notifications: 10,
};

const SHORT = {
  rounds: 1,
  turns: 1,
  generations: 1,
  calls: CALLS.map((shape) => ({
    ...shape,
    sessions: Math.min(shape.sessions, 4 + shape.sessions / 50),
    ms: 30,
    ...(shape.everyMs !== undefined && { everyMs: 10 }),
    ...(shape.spread !== undefined && { spread: 3 }),
  })),
  warmUpCalls: 10,
  warmUpMs: 10,
  settleMs: 5,
  toOpen: 10,
  openSkip: 0,
  toOpenLater: 10,
  openLaterSkip: 2,
  idle: [10, 20],
  idleFirst: 2,
  idleRounds: 1,
  bigRepeats: 2,
  readers: 20,
  notifications: 2,
};

/** Everything else that is measured. */
const OTHER_SHAPES = ["open", "open-later", "memory", "big", "notify"];

/** Rows whose opening is measured in a server that has been up for a while, too: those that a target compares. */
const OPENED_LATER = ["C", "router-hs256", "server-hs256"];

export const SHAPE_IDS = [...CALLS.map(({ id }) => id), ...OTHER_SHAPES];

/**
 * @param only ids of shapes; all if undefined.
 * @param profiles whether to look where the time goes, which makes everything slower.
 */
export function planFor({ isShort, only, rounds, profiles }) {
  const plan = { ...(isShort ? SHORT : FULL) };
  if (profiles) {
    Object.assign(plan, { warmUpCalls: Infinity, warmUpMs: 4_000 });
    plan.calls = plan.calls.map((shape) => ({ ...shape, ms: 3_000 }));
  }
  const has = (id) => only === undefined || only.includes(id);
  if (rounds !== undefined) Object.assign(plan, { rounds, turns: 3 * rounds });
  return {
    ...plan,
    warmUpSessions: warmUpSessions(plan.calls),
    calls: plan.calls.filter(({ id }) => has(id)),
    profiles,
    has,
    /** Whether there is anything but memory to measure. */
    hasSpeeds: only?.every((id) => id === "memory") !== true,
  };
}

/** How many sessions a server is warmed with: those that it has in the main shape. */
function warmUpSessions(calls) {
  return calls.find(({ id }) => id === MAIN).sessions;
}

/** The part of a plan that servers take turns in; `undefined` if there is none. */
export function mainShape({ calls }) {
  return calls.find(({ id }) => id === MAIN);
}

/**
 * The part of a plan that a server is visited for.
 *
 * @param shapes ids; all if undefined.
 * @param row id of the row.
 * @param isFirst whether this is the row's first process; messages are sent many times in each visit,
 * so that those of one process are enough.
 */
export function planOfVisit(plan, shapes, row, isFirst) {
  const isDue = ({ id, rows }) =>
    id !== MAIN && (shapes?.includes(id) ?? true) && (rows?.includes(row) ?? true);
  const calls = plan.calls.filter(isDue);
  const isWhole = shapes === undefined;
  const hasOpening = isWhole && plan.has("open");
  const hasMessages = isWhole && isFirst && (plan.has("big") || plan.has("notify"));
  const opensLater = isWhole && isFirst && plan.has("open-later") && OPENED_LATER.includes(row);
  const isEmpty = calls.length === 0 && !hasOpening && !hasMessages && !opensLater;
  return { ...plan, calls, hasOpening, hasMessages, opensLater, isEmpty };
}
