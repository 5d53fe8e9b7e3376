import { EventEmitter } from "node:events";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import { McpSseError, retryAfter } from "../shared/errors.js";
import { ByteAccounts } from "./byte-accounts.js";
import type { ByteShare } from "./byte-accounts.js";
import { isSameRequest, mayContinue, NO_RULES } from "./continuation.js";
import type { ContinuationRules, Requester } from "./continuation.js";
import { isReached, NO_LIMITS, roomToBegin, roomToOpen, roomToWait } from "./limits.js";
import type { Admission, SessionCount, SessionLimits } from "./limits.js";
import type { OwnSessions } from "../sse/resume.js";
import type { LimitReached, SessionEvents } from "./session-events.js";
import type { CloseReason, Session, SessionAdmission, SessionInfo } from "./session.js";

export type { LimitReached, SessionEvents } from "./session-events.js";

/** What a registry needs to know of the world around it. */
export interface SessionRegistryOptions<P> {
  /** The key under which a principal owns sessions. */
  readonly ownerKeyOf: (principal: P) => string;
  /** Hears of listeners that throw; the sessions go on. */
  readonly onListenerError: (
    error: unknown,
    of: "router.sessions" | "session.onPrincipalChanged",
  ) => void;
  /** What must be the same, beside the owner, for a request to go on with a session. Default: nothing. */
  readonly rules?: ContinuationRules;
  /** Hears what is wrong with the application's part of a session, in words. Default: nobody does. */
  readonly onFault?: (session: SessionInfo<P>, fault: string) => void;
  /** Default: none. */
  readonly limits?: SessionLimits;
  /** Whether everybody may call, so that sessions have no owners. Default: false. */
  readonly isOpenEndpoint?: boolean;
  /** How many bytes may be held for them. Default: no bound of this registry. */
  readonly bytes?: ByteShare;
}

/** The sessions of one owner. */
interface Owned<S> {
  /** Oldest first. */
  readonly sessions: Set<S>;
  /** How many of them were begun. */
  begun: number;
}

const NOTHING: Owned<never> = { sessions: new Set(), begun: 0 };

/** When to come back after there was no room, in seconds. */
const RETRY_AFTER_FULL_SECONDS = 30;

/** When to call again after too many calls, in seconds. */
const RETRY_AFTER_CALLS_SECONDS = 1;

/** The sessions of one router: who is connected, and the way to end it. */
export class SessionRegistry<P = unknown, E = unknown> {
  readonly #sessions = new Map<string, Session<P, E>>();
  readonly #byOwner = new Map<string, Owned<Session<P, E>>>();
  readonly #events = new EventEmitter<SessionEvents<P>>();
  readonly #options: SessionRegistryOptions<P>;
  readonly #limits: SessionLimits;
  readonly #rules: ContinuationRules;
  readonly #accounts: ByteAccounts | undefined;
  #begunInAll = 0;

  constructor(options: SessionRegistryOptions<P>) {
    this.#options = options;
    this.#accounts = options.bytes && new ByteAccounts(options.bytes);
    this.#limits = options.limits ?? NO_LIMITS;
    this.#rules = options.rules ?? NO_RULES;
  }

  /** How many sessions there are, those included that are still being opened. */
  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): SessionInfo<P> | undefined {
    return this.#sessions.get(id);
  }

  /** All sessions that there are now, oldest first. */
  list(): readonly SessionInfo<P>[] {
    return [...this.#sessions.values()];
  }

  /** What `JSON.stringify` shows. */
  toJSON(): { readonly size: number; readonly sessions: readonly SessionInfo<P>[] } {
    return { size: this.size, sessions: this.list() };
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `SessionRegistry ${inspect(this.toJSON(), options)}`;
  }

  /** Ends one session. @returns whether there was one. */
  close(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.close();
    return session !== undefined;
  }

  /** Ends every session of a principal, for example when their access is withdrawn. @returns how many. */
  closeFor(principal: P): number {
    const key = this.#options.ownerKeyOf(principal);
    const owned = [...(this.#byOwner.get(key)?.sessions ?? [])];
    for (const session of owned) session.end("revoked");
    return owned.length;
  }

  /** Calls `listener` at each `event`. A listener that throws is logged and changes nothing. */
  on<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this {
    (this.#events as EventEmitter).on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /** Takes a listener away again. */
  off<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this {
    (this.#events as EventEmitter).off(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /** @internal Keeps a session until it ends. */
  add(session: Session<P, E>): void {
    const { id, ownerKey } = session;
    this.#sessions.set(id, session);
    const owned = this.#byOwner.get(ownerKey);
    if (owned === undefined) {
      this.#byOwner.set(ownerKey, { sessions: new Set([session]), begun: 0 });
    } else owned.sessions.add(session);
    session.gate = this.#gate;
    if (this.#accounts === undefined) return;
    session.bytes.account = this.#accounts.of(this.#payerOf(session), this.#shedderFor(session));
  }

  /** @internal Takes a place for a body that is read now. @throws McpSseError when there is none. */
  admitBody(session: Session<P, E>): void {
    const { bytes } = session;
    if (isReached(bytes.bodies, this.#limits.maxInFlight)) throw this.#tooManyCalls(session);
    bytes.bodies++;
  }

  /**
   * @internal Makes room for a stream whose conversation is still to be begun.
   *
   * @throws McpSseError `too_many_sessions` or `server_full` when there would be none for it.
   */
  admitStream(ownerKey: string, principal: P): void {
    const count = this.#count(ownerKey);
    this.#makeRoom(roomToOpen(count, this.#limits), { principal });
  }

  /**
   * @internal Makes room for a stream whose client is asked which session it has. It may have one,
   * so it is let in when there is room for no other.
   */
  admitReturning(ownerKey: string, principal: P): void {
    this.#makeRoom(roomToWait(this.#count(ownerKey), this.#limits), { principal });
  }

  /**
   * @internal Looks whether a stream that was let in like that may begin a conversation.
   *
   * @throws McpSseError `too_many_sessions` or `server_full` when it may not.
   */
  checkRoom(ownerKey: string, principal: P): void {
    const room = roomToBegin(this.#count(ownerKey), this.#limits);
    if (room.kind === "none") this.#makeRoom(room, { principal });
  }

  /** @internal Tells that a limit was reached. */
  noteLimit(fact: LimitReached<P>): void {
    this.#announce("limited", fact);
  }

  /** @internal The sessions that a request for a stream may go on with; see {@link mayContinue}. */
  ownedBy(asker: Requester): OwnSessions<Session<P, E>> {
    const has = (session: Session<P, E>): boolean =>
      mayContinue("stream", asker, session, this.#rules);
    return {
      isOpenEndpoint: this.#options.isOpenEndpoint ?? false,
      has,
      byId: (id) => {
        const session = this.#sessions.get(id);
        return session !== undefined && has(session) ? session : undefined;
      },
      openedAlike: (session) => isSameRequest(asker, session, this.#rules),
      all: (isMeant) => {
        const { sessions } = this.#byOwner.get(asker.ownerKey) ?? NOTHING;
        return [...sessions].filter((session) => isMeant(session) && has(session));
      },
    };
  }

  /** @internal Tells that a session can be used, and later that it has ended. */
  announceOpened(session: Session<P, E>): void {
    this.#announce("opened", session);
    session.onClosed((reason) => this.#announce("closed", session, reason));
  }

  /**
   * @internal The session with this id, if a message of this request may go to it.
   *
   * Security decision: another's session and no session are one answer, so that an id tells
   * nothing to whom it does not belong.
   */
  find(id: string, asker: Requester): Session<P, E> | undefined {
    const session = this.#sessions.get(id);
    return session !== undefined && this.takesFrom(session, asker) ? session : undefined;
  }

  /** @internal Whether a message of a request may go to a session; see {@link mayContinue}. */
  takesFrom(session: Session<P, E>, asker: Requester): boolean {
    return mayContinue("message", asker, session, this.#rules);
  }

  /** @internal Resolves when no session has anything left to answer. */
  async whenIdle(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.whenIdle()));
  }

  /** @internal Resolves when, moreover, all answers are on their way to their clients. */
  async whenSettled(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.whenSettled()));
  }

  /** @internal Ends all sessions. @returns a promise that resolves when their streams are gone. */
  async endAll(reason: CloseReason): Promise<void> {
    const all = [...this.#sessions.values()];
    for (const session of all) session.end(reason);
    await Promise.all(all.map((session) => session.whenGone()));
  }

  /** Asked by each session before its client does something that is limited. */
  readonly #gate: SessionAdmission<Session<P, E>> = {
    admitBeginning: (session) => {
      const { ownerKey, principal } = session;
      this.#makeRoom(roomToBegin(this.#count(ownerKey), this.#limits), { session, principal });
      this.#begunInAll++;
      const owned = this.#byOwner.get(ownerKey);
      if (owned !== undefined) owned.begun++;
    },
    admitCall: (session) => {
      if (isReached(session.callLoad, this.#limits.maxInFlight)) throw this.#tooManyCalls(session);
    },
    noteEnd: (session) => {
      const { id, ownerKey } = session;
      this.#sessions.delete(id);
      const owned = this.#byOwner.get(ownerKey);
      owned?.sessions.delete(session);
      if (owned?.sessions.size === 0) this.#byOwner.delete(ownerKey);
      const isLast = owned?.sessions.size === 0 || this.#options.isOpenEndpoint === true;
      if (isLast) this.#accounts?.noteLeft(this.#payerOf(session));
      if (!session.isBegun) return;
      this.#begunInAll--;
      if (owned !== undefined) owned.begun--;
    },
    noteListenerError: (error) => {
      this.#options.onListenerError(error, "session.onPrincipalChanged");
    },
    noteFault: (session, fault) => this.#options.onFault?.(session, fault),
    noteLimit: (session, limit, outcome) => {
      this.noteLimit({ limit, outcome, session, principal: session.principal });
    },
  };

  /** Whose bytes a session's are: its own among strangers, who may all have the address of a proxy. */
  #payerOf({ id, ownerKey }: Session<P, E>): string {
    return this.#options.isOpenEndpoint === true ? id : ownerKey;
  }

  /** Keeps no session, which may go long before its owner. */
  #shedderFor({ id, ownerKey }: Session<P, E>): () => boolean {
    if (this.#options.isOpenEndpoint === true) {
      return () => shedHeaviest([this.#sessions.get(id)].filter((one) => one !== undefined));
    }
    return () => shedHeaviest(this.#byOwner.get(ownerKey)?.sessions ?? []);
  }

  #tooManyCalls(session: Session<P, E>): McpSseError {
    const { principal } = session;
    this.noteLimit({ limit: "maxInFlight", outcome: "refused", session, principal });
    return new McpSseError(
      "too_many_calls",
      "Too many calls of this session have no answer yet: wait for one.",
      { headers: retryAfter(RETRY_AFTER_CALLS_SECONDS) },
    );
  }

  #count(ownerKey: string): SessionCount<Session<P, E>> {
    const { isOpenEndpoint = false } = this.#options;
    const { sessions, begun } = this.#byOwner.get(ownerKey) ?? NOTHING;
    const waiting = sessions.size - begun;
    return { own: sessions, begun, waiting, begunInAll: this.#begunInAll, isOpenEndpoint };
  }

  /** @throws McpSseError when there is no room. */
  #makeRoom(
    room: Admission<Session<P, E>>,
    whose: Pick<LimitReached<P>, "session" | "principal">,
  ): void {
    if (room.kind === "free") return;
    const { limit } = room;
    if (room.kind === "made") {
      const { by, isMissed } = room;
      by.end(limit === "maxUninitialized" ? "never-initialized" : "made-room");
      if (!isMissed) return;
      this.noteLimit({ limit, outcome: "ended", session: by, principal: by.principal });
      return;
    }
    this.noteLimit({ limit, outcome: "refused", ...whose });
    const headers = retryAfter(RETRY_AFTER_FULL_SECONDS);
    throw limit === "maxSessions"
      ? new McpSseError("server_full", "There are as many sessions as there may be.", { headers })
      : new McpSseError(
          "too_many_sessions",
          "You have as many sessions as you may have, and all are in use: end one.",
          { headers },
        );
  }

  #announce<K extends keyof SessionEvents<P>>(event: K, ...args: SessionEvents<P>[K]): void {
    // One at a time, since emit() stops at the first that throws.
    const listeners = (this.#events as EventEmitter).listeners(event);
    for (const listener of listeners as ((...args: SessionEvents<P>[K]) => void)[]) {
      try {
        (listener as (...all: unknown[]) => void)(...args);
      } catch (error) {
        this.#options.onListenerError(error, "router.sessions");
      }
    }
  }
}

/** Gives up the session that has most on its way. @returns whether there was one. */
function shedHeaviest(sessions: Iterable<Session<unknown, never>>): boolean {
  let heaviest: Session<unknown, never> | undefined;
  for (const session of sessions) {
    if (session.bytes.outgoing > (heaviest?.bytes.outgoing ?? 0)) heaviest = session;
  }
  heaviest?.gate?.noteLimit(heaviest, "maxHeldBytes", "ended");
  heaviest?.end("buffer-overflow", 0);
  return heaviest !== undefined;
}
