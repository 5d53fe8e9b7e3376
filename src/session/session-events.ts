import type { CloseReason } from "./close-reason.js";
import type { LimitName } from "./limit-name.js";
import type { SessionInfo } from "./session-info.js";

/** A limit that was reached: which, and what came of it. */
export interface LimitReached<P> {
  readonly limit: LimitName;
  /**
   * Whether a request was refused, or has to wait for others of its principal; a session has
   * ended, or has lost its connection; for `throttle` also whether a bad credential was only counted,
   * because a good one came with it; for `maxBufferedBytes` also that messages were dropped which
   * nobody has come for.
   */
  readonly outcome: "refused" | "delayed" | "ended" | "detached" | "counted" | "dropped";
  /** The session that it concerns; `undefined` where there is none (yet). */
  readonly session?: SessionInfo<P>;
  /** Whose request or session it was, where that is known. */
  readonly principal?: P;
  /** For `throttle`: the address, or the /64 network, that sends bad credentials. */
  readonly address?: string;
}

/** What a session registry announces, as facts that have happened. */
export interface SessionEvents<P> {
  /** A client can hear, and has its server. */
  opened: [session: SessionInfo<P>];
  /** Its client has sent its first message, and said who it is: `session.client`. */
  begun: [session: SessionInfo<P>];
  /** A session has ended; it is not in the registry any more. */
  closed: [session: SessionInfo<P>, reason: CloseReason];
  /** A limit was reached. */
  limited: [fact: LimitReached<P>];
}
