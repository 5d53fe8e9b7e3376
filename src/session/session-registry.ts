import { EventEmitter } from "node:events";
import type { CloseReason, Session, SessionInfo } from "./session.js";

/** What {@link SessionRegistry} announces, as facts that have happened. */
export interface SessionEvents<P> {
  /** A client has its stream and its server. */
  opened: [session: SessionInfo<P>];
  /** A session has ended; it is not in the registry any more. */
  closed: [session: SessionInfo<P>, reason: CloseReason];
}

/** What a registry needs to know of the world around it. */
export interface SessionRegistryOptions<P> {
  /** The key under which a principal owns sessions. */
  readonly ownerKeyOf: (principal: P) => string;
  /** Hears of listeners that throw; the sessions go on. */
  readonly onListenerError: (error: unknown) => void;
}

/** The sessions of one router: who is connected, and the way to end it. */
export class SessionRegistry<P = unknown, E = unknown> {
  readonly #sessions = new Map<string, Session<P, E>>();
  readonly #events = new EventEmitter<SessionEvents<P>>();
  readonly #options: SessionRegistryOptions<P>;

  constructor(options: SessionRegistryOptions<P>) {
    this.#options = options;
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

  /** Ends one session. @returns whether there was one. */
  close(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.close();
    return session !== undefined;
  }

  /** Ends every session of a principal, for example when their access is withdrawn. @returns how many. */
  closeFor(principal: P): number {
    const key = this.#options.ownerKeyOf(principal);
    const owned = [...this.#sessions.values()].filter((session) => session.ownerKey === key);
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
    this.#sessions.set(session.id, session);
    session.onClosed(() => this.#sessions.delete(session.id));
  }

  /** @internal Tells that a session can be used, and later that it has ended. */
  announceOpened(session: Session<P, E>): void {
    this.#announce("opened", session);
    session.onClosed((reason) => this.#announce("closed", session, reason));
  }

  /**
   * @internal The session with this id, if it belongs to this owner.
   *
   * Security decision: another's session and no session are one answer, so that an id tells
   * nothing to whom it does not belong.
   */
  find(id: string, ownerKey: string): Session<P, E> | undefined {
    const session = this.#sessions.get(id);
    return session?.ownerKey === ownerKey ? session : undefined;
  }

  /** @internal Resolves when no session has anything left to answer. */
  async whenIdle(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.whenIdle()));
  }

  /** @internal Ends all sessions. */
  endAll(reason: CloseReason): void {
    for (const session of [...this.#sessions.values()]) session.end(reason);
  }

  #announce<K extends keyof SessionEvents<P>>(event: K, ...args: SessionEvents<P>[K]): void {
    // One at a time, since emit() stops at the first that throws.
    const listeners = (this.#events as EventEmitter).listeners(event);
    for (const listener of listeners as ((...args: SessionEvents<P>[K]) => void)[]) {
      try {
        listener(...args);
      } catch (error) {
        this.#options.onListenerError(error);
      }
    }
  }
}
