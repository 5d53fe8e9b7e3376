import type { SessionLimits } from "../session/limits.js";

/** How long a record is kept of a session that may be idle for ever, in milliseconds (1 day). */
const LONGEST_IDLE_MS = 86_400_000;

/** How long records live, in milliseconds. */
export interface RecordTimes {
  /** Of a session whose client has sent nothing. */
  readonly unbegunMs: number;
  /** Of all others, from when they were last written or refreshed. */
  readonly begunMs: number;
  /** How often they are refreshed. */
  readonly refreshMs: number;
}

/**
 * Records outlive their sessions' bounds by what a client may be away, and by what it takes until others know
 * that a node is gone: for that long, another node may go on with what a dead one had.
 */
export function recordTimes(
  { initTimeoutMs, idleMs }: SessionLimits,
  graceMs: number,
  leaseMs: number,
): RecordTimes {
  const begunMs = (idleMs > 0 ? idleMs : LONGEST_IDLE_MS) + graceMs + leaseMs;
  const unbegunMs = initTimeoutMs > 0 ? initTimeoutMs + leaseMs : begunMs;
  return { unbegunMs, begunMs, refreshMs: Math.min(begunMs / 10, 2 ** 31 - 1) };
}
