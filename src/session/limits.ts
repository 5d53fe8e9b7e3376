/** Bounds and times of a router's sessions; 0 stands for none. */
export interface SessionLimits {
  /** Sessions whose client has begun its conversation, in all. */
  readonly maxSessions: number;
  /** The same of one principal. */
  readonly maxSessionsPerPrincipal: number;
  /** Sessions of one principal whose client has sent nothing. */
  readonly maxUninitialized: number;
  /** Requests of one client that have no answer yet. */
  readonly maxInFlight: number;
  /** Milliseconds in which a conversation must be begun. */
  readonly initTimeoutMs: number;
  /** Milliseconds for which a session may be without a message. */
  readonly idleMs: number;
  /** The same without a connection, where a wire does not need one for as long as a session lasts. */
  readonly streamlessIdleMs: number;
  /** Milliseconds for which a session may last. */
  readonly lifetimeMs: number;
}

/** For sessions that no router counts. */
export const NO_LIMITS: SessionLimits = {
  maxSessions: 0,
  maxSessionsPerPrincipal: 0,
  maxUninitialized: 0,
  maxInFlight: 0,
  initTimeoutMs: 0,
  idleMs: 0,
  streamlessIdleMs: 0,
  lifetimeMs: 0,
};

/** How old a session is, and how much it is used. Times are milliseconds since the epoch. */
export interface SessionUse {
  readonly openedAt: number;
  /** When the last message went in either direction; what only keeps a connection alive does not count. */
  readonly activeAt: number;
  /** Whether its client has sent nothing yet. */
  readonly isUninitialized: boolean;
  /** Whether a call has no answer yet. */
  readonly isBusy: boolean;
  /** Whether an answer was not written to any connection of the client. */
  readonly hasWaitingAnswer: boolean;
  /** When it ends unless its client comes back, while that is away; `undefined` while it is there. */
  readonly graceEndsAt: number | undefined;
  /** When its client's last connection ended, where it may be there all the same. */
  readonly leftAt: number | undefined;
  /** Whether its client has ever listened to what belongs to no call. */
  readonly hasListened: boolean;
}

/** A limit of a session's time. */
export type TimeLimit = "initTimeoutMs" | "idleMs" | "streamlessIdleMs" | "lifetimeMs";

/** A limit of what waits for a client. */
export type ChannelLimit = "stallMs" | "maxQueuedBytes" | "maxBufferedBytes" | "maxHeldBytes";

/** What came of it: the session, or a connection of its client, has ended; or a message was given up. */
export type ChannelOutcome = "ended" | "detached" | "dropped";

/** When a session reaches the first of its time limits. */
export interface TimeLimitAt {
  readonly limit: TimeLimit;
  readonly at: number;
}

/** The first time limit that a session will reach if nothing happens to it; `undefined` if none. */
export function nextTimeLimit(
  use: SessionUse,
  limits: SessionLimits,
  now: number,
): TimeLimitAt | undefined {
  const { openedAt, activeAt, isUninitialized, leftAt } = use;
  const { initTimeoutMs, idleMs, streamlessIdleMs, lifetimeMs } = limits;
  const all: TimeLimitAt[] = [];
  if (isUninitialized && initTimeoutMs > 0) {
    all.push({ limit: "initTimeoutMs", at: openedAt + initTimeoutMs });
  }
  // Who waits for an answer is not idle, however long it takes.
  const isIdle = !use.isBusy && !use.hasWaitingAnswer;
  if (!isUninitialized && idleMs > 0) {
    all.push({ limit: "idleMs", at: (isIdle ? activeAt : now) + idleMs });
  }
  if (!isUninitialized && streamlessIdleMs > 0) {
    // While there is a connection, this is when it is looked whether there still is. Without one,
    // nobody waits, whatever a call of it is still to be answered.
    const since = leftAt === undefined ? now : Math.max(activeAt, leftAt);
    all.push({ limit: "streamlessIdleMs", at: since + streamlessIdleMs });
  }
  if (lifetimeMs > 0) all.push({ limit: "lifetimeMs", at: openedAt + lifetimeMs });
  return all.sort((a, b) => a.at - b.at)[0];
}

/** What admission depends on. */
export interface SessionCount<S> {
  /** Sessions of the caller, oldest first. */
  readonly own: Iterable<S>;
  /** How many of those have begun their conversation. */
  readonly initialized: number;
  /** How many of those have not. */
  readonly uninitialized: number;
  /** How many sessions of everybody have begun their conversation. */
  readonly initializedInAll: number;
  /** Whether the endpoint is open: then all callers are one owner, and none of them is anybody. */
  readonly isOpenEndpoint: boolean;
}

/** A limit of the number of sessions. */
export type CountLimit = "maxSessions" | "maxSessionsPerPrincipal" | "maxUninitialized";

/** Whether one more is admitted. */
export type Admission<S> =
  | { readonly kind: "admitted" }
  /** It is, once this session of the same principal has ended. */
  | {
      readonly kind: "evicts";
      readonly victim: S;
      readonly limit: CountLimit;
      /** Whether somebody may miss it. */
      readonly isMissed: boolean;
    }
  | { readonly kind: "refused"; readonly limit: CountLimit };

/**
 * Whether one more conversation can be begun.
 *
 * Security decision: only the caller's own session is ever evicted, so nobody can push anybody
 * else out. On an open endpoint nobody knows whose is whose, so none is.
 */
export function admitInitialization<S extends SessionUse>(
  { own, initialized, initializedInAll, isOpenEndpoint }: SessionCount<S>,
  { maxSessions, maxSessionsPerPrincipal }: SessionLimits,
): Admission<S> {
  const ownFull = !isOpenEndpoint && isReached(initialized, maxSessionsPerPrincipal);
  if (!ownFull && !isReached(initializedInAll, maxSessions)) return { kind: "admitted" };
  const limit = ownFull ? "maxSessionsPerPrincipal" : "maxSessions";
  return (isOpenEndpoint ? undefined : sparing(own, limit)) ?? { kind: "refused", limit };
}

/** What evicts the session of an owner that can best be spared; `undefined` if none can. */
export function sparing<S extends SessionUse>(
  own: Iterable<S>,
  limit: CountLimit,
): (Admission<S> & { readonly kind: "evicts" }) | undefined {
  const victim = firstToGo(own);
  if (victim === undefined) return undefined;
  return { kind: "evicts", victim, limit, isMissed: !UNMISSED.has(useOf(victim)) };
}

/** Whether one more session can be opened, and a conversation begun in it. */
export function admitOpening<S extends SessionUse>(
  count: SessionCount<S>,
  limits: SessionLimits,
): Admission<S> {
  const later = admitInitialization(count, limits);
  return later.kind === "refused" ? later : admitUninitialized(count, limits);
}

/**
 * Whether one more session can be kept whose client has sent nothing. Those that never will do not
 * use up the room of those that do: the oldest of the same principal goes for the next. On an open
 * endpoint as many are kept as there may be sessions.
 */
export function admitUninitialized<S extends SessionUse>(
  count: SessionCount<S>,
  limits: SessionLimits,
): Admission<S> {
  const max = count.isOpenEndpoint ? limits.maxSessions : limits.maxUninitialized;
  if (!isReached(count.uninitialized, max)) return { kind: "admitted" };
  for (const session of count.own) {
    if (!session.isUninitialized) continue;
    return { kind: "evicts", victim: session, limit: "maxUninitialized", isMissed: true };
  }
  return { kind: "admitted" };
}

/** Whether `count` leaves no room for one more. */
export function isReached(count: number, max: number): boolean {
  return max > 0 && count >= max;
}

/** What a session is to its client, from what can be spared first to what must not go. */
const USES = [
  "never listened to",
  "left",
  "left with an answer",
  "left with a call",
  "idle",
  "busy",
] as const;

type Use = (typeof USES)[number];

/** Uses that nobody waits to go on with. */
const UNMISSED: ReadonlySet<Use> = new Set(["never listened to", "left"]);

/**
 * Most clients that leave never come back, and no transport tells which of them will. So a client
 * that is there is not cut off for one that is not, nor a newcomer refused. And connectors open a
 * session for each call, which they never listen to and never end: hundreds of those must not push
 * out the one session of their user's that is listened to, while its stream is cut for a moment.
 */
function useOf(use: SessionUse): Use {
  const { isBusy, hasWaitingAnswer, graceEndsAt, leftAt, hasListened } = use;
  if (graceEndsAt === undefined && leftAt === undefined) return isBusy ? "busy" : "idle";
  if (isBusy) return "left with a call";
  if (hasWaitingAnswer) return "left with an answer";
  return hasListened ? "left" : "never listened to";
}

/** How well a session can be spared, beside one of another node. JSON. */
export interface Spare {
  /** The least goes first. */
  readonly rank: number;
  /** Since when it was not used, or its client is away, in milliseconds since the epoch. */
  readonly since: number;
  /** Whether somebody may miss it. */
  readonly isMissed: boolean;
}

/** How well that session of an owner can be spared that can best be; `undefined` if none can. */
export function spareOf(own: Iterable<SessionUse>): Spare | undefined {
  const found = firstToGo(own);
  if (found === undefined) return undefined;
  const use = useOf(found);
  return { rank: USES.indexOf(use), since: unusedSince(found), isMissed: !UNMISSED.has(use) };
}

/** Of the sessions that have begun, the one that can best be spared; none that is busy. */
function firstToGo<S extends SessionUse>(sessions: Iterable<S>): S | undefined {
  let found: S | undefined;
  let least = USES.indexOf("busy");
  for (const session of sessions) {
    if (session.isUninitialized) continue;
    const rank = USES.indexOf(useOf(session));
    if (rank > least || (rank === least && !isUnusedForLonger(session, found))) continue;
    found = session;
    least = rank;
  }
  return found;
}

/** Whether a session's client is away for a longer time, or else has not used it for longer. */
function isUnusedForLonger(session: SessionUse, other: SessionUse | undefined): boolean {
  return other !== undefined && unusedSince(session) < unusedSince(other);
}

/** Sessions whose clients are away are compared with each other only, and have the same grace. */
function unusedSince({ graceEndsAt, activeAt }: SessionUse): number {
  return graceEndsAt ?? activeAt;
}
