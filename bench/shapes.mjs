/** How much is measured, in a full run and in a short one. */
const CALLS = [
  { id: "1x1", name: "1 session, 1 call in flight", sessions: 1, width: 1, ms: 300 },
  { id: "1x8", name: "1 session, 8 calls in flight", sessions: 1, width: 8, ms: 300 },
  { id: "50", name: "50 sessions, 1 call in flight each", sessions: 50, width: 1, ms: 800 },
  { id: "500", name: "500 sessions, 1 call in flight each", sessions: 500, width: 1, ms: 800 },
];

const FULL = {
  rounds: 5,
  /** How many processes each row has, one after the other: two of the same may differ. */
  generations: 2,
  /** How many rows take turns. */
  batch: Infinity,
  calls: CALLS,
  /** How long a fresh server is called before anything is measured: the slow ones need 2 seconds. */
  warmUpMs: 2_500,
  warmUpSessions: 50,
  /** How long each shape runs before its window. */
  settleMs: 150,
  /** How many sessions are opened to see how fast that goes; the first of them do not count. */
  toOpen: 450,
  openSkip: 100,
  idle: [1_000, 5_000],
  bigRepeats: 15,
  readers: 1_000,
  notifications: 10,
};

const SHORT = {
  rounds: 1,
  generations: 1,
  batch: 4,
  calls: CALLS.map((shape) => ({
    ...shape,
    sessions: Math.min(shape.sessions, 4 + shape.sessions / 50),
    ms: 30,
  })),
  warmUpMs: 10,
  warmUpSessions: 2,
  settleMs: 5,
  toOpen: 10,
  openSkip: 0,
  idle: [10, 20],
  bigRepeats: 2,
  readers: 20,
  notifications: 2,
};

/** Everything else that is measured. */
export const OTHER_SHAPES = ["open", "memory", "big", "notify"];

export const SHAPE_IDS = [...CALLS.map(({ id }) => id), ...OTHER_SHAPES];

/**
 * @param only ids of shapes; all if undefined.
 * @param profiles whether to look where the time goes, which makes everything slower.
 */
export function planFor({ isShort, only, rounds, profiles }) {
  const plan = { ...(isShort ? SHORT : FULL) };
  if (profiles) {
    plan.warmUpMs = 4_000;
    plan.calls = plan.calls.map((shape) => ({ ...shape, ms: 3_000 }));
  }
  const has = (id) => only === undefined || only.includes(id);
  return {
    ...plan,
    rounds: rounds ?? plan.rounds,
    calls: plan.calls.filter(({ id }) => has(id)),
    profiles,
    has,
    /** Whether there is anything but memory to measure. */
    hasSpeeds: only?.every((id) => id === "memory") !== true,
  };
}
