import { McpSseError, retryAfter } from "../shared/errors.js";
import type { CloseReason } from "./close-reason.js";
import type { Requester } from "./requester.js";
import {
  admitInitialization,
  admitOpening,
  admitUninitialized,
  isReached,
  spareOf,
  sparing,
} from "./limits.js";
import type { Admission, SessionCount, SessionLimits, SessionUse, Spare } from "./limits.js";
import type { LimitReached } from "./session-events.js";
import type { SessionInfo } from "./session-info.js";
import { tooManyCalls } from "./too-many-calls.js";

export interface AdmissionOptions<P> {
  readonly limits: SessionLimits;
  /** Whether everybody may call, so that sessions have no owners. */
  readonly isOpenEndpoint: boolean;
  /** Hears of each limit that was reached. */
  readonly noteLimit: (fact: LimitReached<P>) => void;
}

/** What is looked at of a session. */
export interface CountedSession<P> extends SessionInfo<P>, SessionUse {
  readonly ownerKey: string;
  /** How many of its calls have no answer, those included that share an id. */
  readonly callLoad: number;
  readonly bytes: {
    /** How many bodies are being read, or wait for their turn. */
    bodies: number;
  };
  end(reason: CloseReason): void;
}

/** Whose opening is looked at. */
interface Opener<P> extends Pick<Requester, "ownerKey"> {
  readonly principal: P;
}

/** The sessions of one owner. */
interface Owned<S> {
  /** Oldest first. */
  readonly sessions: Set<S>;
  /** How many of them have begun their conversation. */
  initialized: number;
}

const NOTHING: Owned<never> = { sessions: new Set(), initialized: 0 };

/** When to come back after one was refused, in seconds. */
const RETRY_AFTER_FULL_SECONDS = 30;

/**
 * Counts the sessions of a router by their owners, and carries out what `limits.ts` decides: evicts
 * a session, or refuses with the answer for it.
 */
export class AdmissionController<P, S extends CountedSession<P>> {
  readonly #options: AdmissionOptions<P>;
  readonly #owners = new Map<string, Owned<S>>();
  #initializedInAll = 0;

  constructor(options: AdmissionOptions<P>) {
    this.#options = options;
  }

  /** An owner's sessions, oldest first. */
  sessionsOf(ownerKey: string): ReadonlySet<S> {
    return (this.#owners.get(ownerKey) ?? NOTHING).sessions;
  }

  add(session: S): void {
    const owned = this.#owners.get(session.ownerKey);
    if (owned !== undefined) owned.sessions.add(session);
    else this.#owners.set(session.ownerKey, { sessions: new Set([session]), initialized: 0 });
  }

  /** @returns whether it was its owner's last. */
  remove(session: S): boolean {
    const owned = this.#owners.get(session.ownerKey);
    if (owned === undefined) return true;
    owned.sessions.delete(session);
    if (!session.isUninitialized) {
      this.#initializedInAll--;
      owned.initialized--;
    }
    if (owned.sessions.size > 0) return false;
    this.#owners.delete(session.ownerKey);
    return true;
  }

  /** @throws McpSseError when a session could not begin its conversation. */
  admitOpening({ ownerKey, principal }: Opener<P>): void {
    const { limits } = this.#options;
    this.#carryOut(admitOpening(this.#count(ownerKey), limits), { principal });
  }

  /**
   * Admits a client that is to say which session it has. It may have one, so it is let in where
   * one more would be refused.
   */
  admitReturning({ ownerKey, principal }: Opener<P>): void {
    const { limits } = this.#options;
    this.#carryOut(admitUninitialized(this.#count(ownerKey), limits), { principal });
  }

  /** Looks whether one that was let in like that may begin a conversation. @throws McpSseError if not. */
  checkReturned({ ownerKey, principal }: Opener<P>): void {
    const admission = admitInitialization(this.#count(ownerKey), this.#options.limits);
    // What it evicts goes when it begins.
    if (admission.kind === "refused") this.#carryOut(admission, { principal });
  }

  /** @throws McpSseError when one more conversation cannot be begun. */
  admitInitialization(session: S): void {
    const { ownerKey, principal } = session;
    const admission = admitInitialization(this.#count(ownerKey), this.#options.limits);
    this.#carryOut(admission, { session, principal });
    this.#initializedInAll++;
    const owned = this.#owners.get(ownerKey);
    if (owned !== undefined) owned.initialized++;
  }

  /** How well a session of an owner can be spared; `undefined` if none can. */
  spareOf(ownerKey: string): Spare | undefined {
    return spareOf(this.sessionsOf(ownerKey));
  }

  /** Ends that session, for one that begins at another node or here. @returns which, if there was one. */
  makeRoom(ownerKey: string): S | undefined {
    const evicting = sparing(this.sessionsOf(ownerKey), "maxSessionsPerPrincipal");
    if (evicting === undefined) return undefined;
    this.#carryOut(evicting, {});
    return evicting.victim;
  }

  /** What the owner of a session hears that cannot begin, because of those at all nodes. */
  refuse(session: S): McpSseError {
    const { principal } = session;
    const limit = "maxSessionsPerPrincipal";
    this.#options.noteLimit({ limit, outcome: "refused", session, principal });
    return noRoom(false);
  }

  /** @throws McpSseError when too many calls of a session have no answer. */
  admitCall(session: S): void {
    const { maxInFlight } = this.#options.limits;
    if (isReached(session.callLoad, maxInFlight)) throw this.#tooManyCalls(session);
  }

  /** Takes a place for a body that is read now. @throws McpSseError when there is none. */
  admitBody(session: S): void {
    const { maxInFlight } = this.#options.limits;
    if (isReached(session.bytes.bodies, maxInFlight)) throw this.#tooManyCalls(session);
    session.bytes.bodies++;
  }

  #count(ownerKey: string): SessionCount<S> {
    const { sessions, initialized } = this.#owners.get(ownerKey) ?? NOTHING;
    return {
      own: sessions,
      initialized,
      uninitialized: sessions.size - initialized,
      initializedInAll: this.#initializedInAll,
      isOpenEndpoint: this.#options.isOpenEndpoint,
    };
  }

  /** @throws McpSseError for a refusal. */
  #carryOut(admission: Admission<S>, whose: Pick<LimitReached<P>, "session" | "principal">): void {
    if (admission.kind === "admitted") return;
    const { limit } = admission;
    if (admission.kind === "refused") {
      this.#options.noteLimit({ limit, outcome: "refused", ...whose });
      throw noRoom(limit === "maxSessions");
    }
    const { victim, isMissed } = admission;
    victim.end(limit === "maxUninitialized" ? "never-initialized" : "made-room");
    if (!isMissed) return;
    const { principal } = victim;
    this.#options.noteLimit({ limit, outcome: "ended", session: victim, principal });
  }

  #tooManyCalls(session: S): McpSseError {
    const { principal } = session;
    this.#options.noteLimit({ limit: "maxInFlight", outcome: "refused", session, principal });
    return tooManyCalls(" of this session");
  }
}

function noRoom(inAll: boolean): McpSseError {
  const headers = retryAfter(RETRY_AFTER_FULL_SECONDS);
  return inAll
    ? new McpSseError("server_full", "There are as many sessions as there may be.", { headers })
    : new McpSseError(
        "too_many_sessions",
        "You have as many sessions as you may have, and all are in use: end one.",
        { headers },
      );
}
