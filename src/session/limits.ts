/** Bounds and times of a router's sessions; 0 stands for none. */
export interface SessionLimits {
  /** Sessions that were begun, in all. */
  readonly maxSessions: number;
  /** Sessions that were begun, of one principal. */
  readonly maxSessionsPerPrincipal: number;
  /** Streams of one principal whose conversation was not begun. */
  readonly maxUninitialized: number;
  /** Requests of one client that have no answer yet. */
  readonly maxInFlight: number;
  /** Milliseconds in which a conversation must be begun. */
  readonly initTimeoutMs: number;
  /** Milliseconds for which a session may be without a message. */
  readonly idleMs: number;
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
  lifetimeMs: 0,
};

/** How old a session is, and how much it is used. Times are milliseconds since the epoch. */
export interface SessionUse {
  readonly openedAt: number;
  /** When the last message went in either direction; ours that keep the stream alive do not count. */
  readonly activeAt: number;
  /** Whether its client has begun the conversation. */
  readonly isBegun: boolean;
  /** Whether a call has no answer yet, or an answer waits for a client that is away. */
  readonly isBusy: boolean;
}

/** A limit of a session's time. */
export type TimeLimit = "initTimeoutMs" | "idleMs" | "lifetimeMs";

/** A limit of what waits for a client. */
export type StreamLimit = "stallMs" | "maxQueuedBytes" | "maxBufferedBytes";

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
  const { openedAt, activeAt, isBegun, isBusy } = use;
  const { initTimeoutMs, idleMs, lifetimeMs } = limits;
  const all: TimeLimitAt[] = [];
  if (!isBegun && initTimeoutMs > 0) {
    all.push({ limit: "initTimeoutMs", at: openedAt + initTimeoutMs });
  }
  // Who waits for an answer is not idle, however long it takes.
  if (isBegun && idleMs > 0) all.push({ limit: "idleMs", at: (isBusy ? now : activeAt) + idleMs });
  if (lifetimeMs > 0) all.push({ limit: "lifetimeMs", at: openedAt + lifetimeMs });
  return all.sort((a, b) => a.at - b.at)[0];
}

/** What the number of sessions is judged by. */
export interface SessionCount<S> {
  /** Sessions of the caller, oldest first. */
  readonly own: Iterable<S>;
  /** How many of those were begun. */
  readonly begun: number;
  /** How many of those were not. */
  readonly waiting: number;
  /** Sessions that were begun, of everybody. */
  readonly begunInAll: number;
  /** Whether the endpoint is open: then all callers are one owner, and none of them is anybody. */
  readonly isOpenEndpoint: boolean;
}

/** A limit of the number of sessions. */
export type CountLimit = "maxSessions" | "maxSessionsPerPrincipal" | "maxUninitialized";

/** Whether there is room for one more. */
export type Room<S> =
  | { readonly kind: "free" }
  /** There is, once this session of the same principal has gone. */
  | { readonly kind: "made"; readonly by: S; readonly limit: CountLimit }
  | { readonly kind: "none"; readonly limit: CountLimit };

/**
 * Whether one more conversation can be begun.
 *
 * Security decision: only the caller's own idle session ever makes room, so nobody can push
 * anybody else out. On an open endpoint nobody knows whose is whose, so none does.
 */
export function roomToBegin<S extends SessionUse>(
  { own, begun, begunInAll, isOpenEndpoint }: SessionCount<S>,
  { maxSessions, maxSessionsPerPrincipal }: SessionLimits,
): Room<S> {
  const ownFull = !isOpenEndpoint && isReached(begun, maxSessionsPerPrincipal);
  if (!ownFull && !isReached(begunInAll, maxSessions)) return { kind: "free" };
  const limit = ownFull ? "maxSessionsPerPrincipal" : "maxSessions";
  const by = isOpenEndpoint ? undefined : longestIdle(own);
  return by === undefined ? { kind: "none", limit } : { kind: "made", by, limit };
}

/**
 * Whether one more stream can be opened. Streams that never begin a conversation do not use up
 * the room of those that do: the oldest of the same principal makes room for the next. On an
 * open endpoint as many are kept as there may be sessions.
 */
export function roomToOpen<S extends SessionUse>(
  count: SessionCount<S>,
  limits: SessionLimits,
): Room<S> {
  const later = roomToBegin(count, limits);
  if (later.kind === "none") return later;
  const max = count.isOpenEndpoint ? limits.maxSessions : limits.maxUninitialized;
  if (!isReached(count.waiting, max)) return { kind: "free" };
  for (const session of count.own) {
    if (!session.isBegun) return { kind: "made", by: session, limit: "maxUninitialized" };
  }
  return { kind: "free" };
}

/** Whether `count` leaves no room for one more. */
export function isReached(count: number, max: number): boolean {
  return max > 0 && count >= max;
}

/** Of those that were begun. */
function longestIdle<S extends SessionUse>(sessions: Iterable<S>): S | undefined {
  let found: S | undefined;
  for (const session of sessions) {
    if (!session.isBegun || session.isBusy) continue;
    if (found === undefined || session.activeAt < found.activeAt) found = session;
  }
  return found;
}
