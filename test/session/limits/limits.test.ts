import {
  isReached,
  nextTimeLimit,
  NO_LIMITS,
  admitInitialization,
  admitOpening,
} from "../../../src/session/limits.js";
import type { SessionCount, SessionLimits, SessionUse } from "../../../src/session/limits.js";

interface Named extends SessionUse {
  readonly name: string;
}

function session(name: string, use: Partial<SessionUse> = {}): Named {
  return {
    name,
    openedAt: 0,
    activeAt: 0,
    isUninitialized: false,
    isBusy: false,
    hasWaitingAnswer: false,
    graceEndsAt: undefined,
    leftAt: undefined,
    hasListened: true,
    ...use,
  };
}

const limits = (some: Partial<SessionLimits>): SessionLimits => ({ ...NO_LIMITS, ...some });

function count(own: Named[], more: Partial<SessionCount<Named>> = {}): SessionCount<Named> {
  const uninitialized = own.filter(({ isUninitialized }) => isUninitialized).length;
  const initialized = own.length - uninitialized;
  const counts = { initialized, uninitialized, initializedInAll: initialized };
  return { own, ...counts, isOpenEndpoint: false, ...more };
}

describe("whether a conversation may be begun", () => {
  it("LIMIT-1, LIMIT-2: it may below the limits, and without any", () => {
    const own = [session("a"), session("b")];
    expect(admitInitialization(count(own), NO_LIMITS)).toEqual({ kind: "admitted" });
    const some = limits({ maxSessions: 3, maxSessionsPerPrincipal: 3 });
    expect(admitInitialization(count(own), some)).toEqual({ kind: "admitted" });
  });

  it("LIMIT-2: it takes the place of the own session that was idle for the longest time", () => {
    const own = [
      session("new", { activeAt: 3 }),
      session("old", { activeAt: 1 }),
      session("busy", { activeAt: 0, isBusy: true }),
    ];
    expect(admitInitialization(count(own), limits({ maxSessionsPerPrincipal: 3 }))).toEqual({
      kind: "evicts",
      victim: own[1],
      limit: "maxSessionsPerPrincipal",
      isMissed: true,
    });
  });

  it("LIMIT-2: a client without a connection is taken for one that is away, where nobody can tell", () => {
    const own = [
      session("there", { activeAt: 1 }),
      session("no connection", { activeAt: 9, leftAt: 9 }),
    ];
    const admission = admitInitialization(count(own), limits({ maxSessionsPerPrincipal: 2 }));
    expect(admission).toMatchObject({ kind: "evicts", victim: { name: "no connection" } });
  });

  it("LIMIT-2: those go whose clients are away before any that is there", () => {
    const order = [
      session("left, never listened to", { activeAt: 20, leftAt: 20, hasListened: false }),
      session("left, never listened to later", { activeAt: 30, leftAt: 30, hasListened: false }),
      session("left a while ago, may be there", { activeAt: 1, leftAt: 1 }),
      session("left", { graceEndsAt: 8 }),
      session("left later", { graceEndsAt: 9 }),
      session("has an answer", { graceEndsAt: 2, hasWaitingAnswer: true }),
      session("has another later", { graceEndsAt: 3, hasWaitingAnswer: true }),
      session("has a call", { graceEndsAt: 1, isBusy: true }),
      session("has both", { graceEndsAt: 4, isBusy: true, hasWaitingAnswer: true }),
      session("idle", { activeAt: 0 }),
      // An answer that waits for a slow reader that is there does not make it a busy one.
      session("idle later", { activeAt: 5, hasWaitingAnswer: true }),
    ];
    const full = limits({ maxSessionsPerPrincipal: 1 });
    for (const [index, next] of order.entries()) {
      // Whichever comes first in the list; one that is busy never does.
      for (const own of [order.slice(index), order.slice(index).reverse()]) {
        const admission = admitInitialization(
          count([session("busy", { isBusy: true }), ...own]),
          full,
        );
        expect(admission).toMatchObject({ victim: next, isMissed: !next.name.startsWith("left") });
      }
    }
  });

  it("LIMIT-2: it may not while all are in use", () => {
    const own = [session("a", { isBusy: true }), session("b", { isBusy: true })];
    expect(admitInitialization(count(own), limits({ maxSessionsPerPrincipal: 2 }))).toEqual({
      kind: "refused",
      limit: "maxSessionsPerPrincipal",
    });
  });

  it("LIMIT-1: in a full server the caller's own idle session goes, and nobody else's", () => {
    const full = limits({ maxSessions: 2 });
    const own = [session("mine")];
    expect(admitInitialization(count(own, { initializedInAll: 2 }), full)).toEqual({
      kind: "evicts",
      victim: own[0],
      limit: "maxSessions",
      isMissed: true,
    });
    expect(admitInitialization(count([], { initializedInAll: 2 }), full)).toEqual({
      kind: "refused",
      limit: "maxSessions",
    });
  });

  it("LIMIT-1, LIMIT-2: on an open endpoint nobody pushes anybody out", () => {
    const own = [session("a"), session("b")];
    const open = count(own, { isOpenEndpoint: true });
    expect(admitInitialization(open, limits({ maxSessionsPerPrincipal: 1 }))).toEqual({
      kind: "admitted",
    });
    expect(admitInitialization(open, limits({ maxSessions: 2 }))).toEqual({
      kind: "refused",
      limit: "maxSessions",
    });
  });

  it("LIMIT-3: those that have not begun do not count", () => {
    const own = [session("a", { isUninitialized: true }), session("b", { isUninitialized: true })];
    const one = limits({ maxSessionsPerPrincipal: 1, maxSessions: 1 });
    expect(admitInitialization(count(own), one)).toEqual({ kind: "admitted" });
  });
});

describe("whether a session may be opened", () => {
  it("LIMIT-3: it takes the place of the oldest that has not begun, busy or not", () => {
    const own = [
      session("initialized"),
      session("oldest", { isUninitialized: true, isBusy: true }),
      session("newer", { isUninitialized: true }),
    ];
    const two = limits({ maxUninitialized: 2 });
    expect(admitOpening(count(own), two)).toEqual({
      kind: "evicts",
      victim: own[1],
      limit: "maxUninitialized",
      isMissed: true,
    });
    expect(admitOpening(count(own.slice(0, 2)), two)).toEqual({ kind: "admitted" });
  });

  it("LIMIT-1, LIMIT-2: it may not when the conversation could not be begun", () => {
    const own = [session("a", { isBusy: true })];
    const one = limits({ maxSessionsPerPrincipal: 1 });
    expect(admitOpening(count(own), one)).toMatchObject({ kind: "refused" });
    // An idle one goes when the conversation begins, not before.
    expect(admitOpening(count([session("a")]), one)).toEqual({ kind: "admitted" });
  });

  it("LIMIT-3: on an open endpoint strangers have as many as there may be sessions", () => {
    const own = [session("a", { isUninitialized: true }), session("b", { isUninitialized: true })];
    const open = count(own, { isOpenEndpoint: true });
    const bounds = { maxUninitialized: 1, maxSessions: 3 };
    expect(admitOpening(open, limits(bounds))).toEqual({ kind: "admitted" });
    expect(admitOpening(open, limits({ ...bounds, maxSessions: 2 }))).toMatchObject({
      victim: own[0],
    });
  });
});

describe("the next limit of a session's time", () => {
  const all = limits({ initTimeoutMs: 10, idleMs: 100, lifetimeMs: 1000 });

  it("LIMIT-4, LIMIT-5, LIMIT-6: is the earliest that applies", () => {
    const now = 5;
    const fresh = session("a", { isUninitialized: true });
    expect(nextTimeLimit(fresh, all, now)).toEqual({ limit: "initTimeoutMs", at: 10 });
    expect(nextTimeLimit(session("a"), all, now)).toEqual({ limit: "idleMs", at: 100 });
    const active = session("a", { activeAt: 950 });
    expect(nextTimeLimit(active, all, 960)).toEqual({ limit: "lifetimeMs", at: 1000 });
  });

  it("LIMIT-5: is put off as long as somebody waits for an answer", () => {
    for (const use of [{ isBusy: true }, { hasWaitingAnswer: true }]) {
      expect(nextTimeLimit(session("a", use), limits({ idleMs: 100 }), 5000)).toEqual({
        limit: "idleMs",
        at: 5100,
      });
    }
  });

  it("LIMIT-5: is sooner without a connection, from when the last one ended", () => {
    const some = limits({ idleMs: 1000, streamlessIdleMs: 30 });
    const next = (use: Partial<SessionUse>) => nextTimeLimit(session("a", use), some, 100);
    expect(next({ activeAt: 40, leftAt: 90 })).toEqual({ limit: "streamlessIdleMs", at: 120 });
    expect(next({ activeAt: 95, leftAt: 90 })).toEqual({ limit: "streamlessIdleMs", at: 125 });
    expect(next({ leftAt: 90, isBusy: true })).toEqual({ limit: "streamlessIdleMs", at: 120 });
    // Not reached while there is a connection: looked at again by then.
    expect(next({ activeAt: 0 })).toEqual({ limit: "streamlessIdleMs", at: 130 });
  });

  it("LIMIT-4, LIMIT-5, LIMIT-6: is none where all are 0", () => {
    expect(nextTimeLimit(session("a"), NO_LIMITS, 1)).toBeUndefined();
    expect(nextTimeLimit(session("a", { isUninitialized: true }), NO_LIMITS, 1)).toBeUndefined();
  });
});

it("LIMIT-1: a limit of 0 is never reached", () => {
  expect([isReached(0, 0), isReached(1e9, 0), isReached(1, 2), isReached(2, 2)]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});
