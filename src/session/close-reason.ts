import type { TimeLimit } from "./limits.js";

/** Why a session ended. */
export type CloseReason =
  /** The client closed its connection, or the network did. */
  | "client-disconnected"
  /** The client left messages unread for too long, or too many of them. */
  | "reader-stalled"
  /** The client ended it, by a DELETE of Streamable HTTP. */
  | "deleted"
  /** The SDK server was closed. */
  | "server-closed"
  /** The application closed it: `session.close()`, `sessions.close()`. */
  | "closed-by-application"
  /** `sessions.closeFor(principal)`. */
  | "revoked"
  /** The router or the server is being closed. */
  | "shutting-down"
  /** Its owner's credential has expired, and no newer one was sent. */
  | "credential-expired"
  /** The client did not come back in time. */
  | "grace-expired"
  /** More was waiting for the client, while it was away, than is kept. */
  | "buffer-overflow"
  /** The client came back to a session that was gone, and did not begin a new one. */
  | "client-lost"
  /** The client did not begin its conversation within `sessions.initTimeoutMs`. */
  | "never-initialized"
  /** There was no message for `sessions.idleMs`. */
  | "idle"
  /** It lasted for `sessions.lifetimeMs`. */
  | "lifetime-reached"
  /** It was idle, and a newer one of the same principal needed its place. */
  | "made-room"
  /** It goes on at another node of its cluster, since this one is being closed. */
  | "moved"
  /** It went on at another node while this one was out of touch. */
  | "superseded"
  /** There was no server for it. */
  | "failed-to-open";

/** What reaching a time limit means for a session. */
export const REASON_OF_TIME_LIMIT: Readonly<Record<TimeLimit, CloseReason>> = {
  initTimeoutMs: "never-initialized",
  idleMs: "idle",
  streamlessIdleMs: "idle",
  lifetimeMs: "lifetime-reached",
};

/** Ends after which the client is to come back, to a new session if need be. */
const RECONNECTS: ReadonlySet<CloseReason> = new Set([
  "credential-expired",
  "shutting-down",
  "never-initialized",
  "idle",
  "lifetime-reached",
  "made-room",
  "moved",
  "superseded",
]);

/** Whether the client is to come back. */
export function shouldReconnect(reason: CloseReason): boolean {
  return RECONNECTS.has(reason);
}

/** Whether a session has ended here because it goes on at another node: for its client it is not over. */
export function goesOnElsewhere(reason: CloseReason | undefined): boolean {
  return reason === "moved" || reason === "superseded";
}

/** Ends that somebody has decided, or that lost what the client was still to hear. */
const FINAL: ReadonlySet<CloseReason> = new Set([
  "deleted",
  "server-closed",
  "closed-by-application",
  "revoked",
  "buffer-overflow",
  "lifetime-reached",
]);

/**
 * Whether a session that has ended must not be restored.
 *
 * Security decision: what was idle, or made room, may come back; what was ended on purpose may not,
 * and neither what its client would go on with as if it had heard everything.
 */
export function isFinal(reason: CloseReason): boolean {
  return FINAL.has(reason);
}

/** Ends that do not wait for a slow reader. */
const HURRIES: ReadonlySet<CloseReason> = new Set(["shutting-down", "revoked", "moved"]);

/** How long what is still to leave may take when a session must end, in milliseconds. */
export const LAST_BYTES_MS = 2_000;

/** How long what a slow reader has not taken may take to leave; `undefined` for as long as ever. */
export function cutAfterEnd(reason: CloseReason): number | undefined {
  return HURRIES.has(reason) ? LAST_BYTES_MS : undefined;
}
