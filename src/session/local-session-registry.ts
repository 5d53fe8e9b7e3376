import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import { AdmissionController } from "./admission.js";
import { Announcer } from "./announcer.js";
import { ByteAccounts } from "./byte-accounts.js";
import { isFinal } from "./close-reason.js";
import type { CloseReason } from "./close-reason.js";
import { isSameRequest, mayContinue, NO_RULES } from "./continuation.js";
import type { ContinuationRules } from "./continuation.js";
import type { LocalSessionRegistryOptions } from "./registry-options.js";
import { Exchanges, NO_EXCHANGE_LIMITS } from "./exchanges.js";
import { NO_LIMITS } from "./limits.js";
import type { OwnSessions } from "./own-sessions.js";
import type { Requester } from "./requester.js";
import { SessionAccounts } from "./session-accounts.js";
import type { OwnerVisit } from "./session-accounts.js";
import type { LimitReached, SessionEvents } from "./session-events.js";
import type { SessionAdmission, SessionInfo } from "./session-info.js";
import type { SessionCounts, PrincipalTest, SessionRegistry } from "./session-registry.js";
import type { Session } from "./session.js";

/**
 * The sessions of one router in this process. Applications see what {@link SessionRegistry} names,
 * and of that the comments are there; the rest is for transports and for the pipeline.
 */
export class LocalSessionRegistry<P = unknown, E = unknown> implements SessionRegistry<P> {
  readonly #sessions = new Map<string, Session<P, E>>();
  readonly #admission: AdmissionController<P, Session<P, E>>;
  readonly #exchanges: Exchanges<P, Session<P, E>>;
  readonly #announcer: Announcer<SessionEvents<P>>;
  readonly #options: LocalSessionRegistryOptions<P, Session<P, E>, E>;
  readonly #rules: ContinuationRules;
  readonly #accounts: SessionAccounts | undefined;
  /** Those of which somebody was told that they can be used. */
  readonly #announced = new WeakSet<Session<P, E>>();

  constructor(options: LocalSessionRegistryOptions<P, Session<P, E>, E>) {
    this.#options = options;
    this.#announcer = new Announcer((error) => options.onListenerError(error, "router.sessions"));
    this.#accounts =
      options.bytes &&
      new SessionAccounts({
        accounts: new ByteAccounts(options.bytes),
        isOpenEndpoint: options.isOpenEndpoint ?? false,
        sessionsOf: (ownerKey) => this.#allOf(ownerKey),
      });
    this.#admission = new AdmissionController({
      limits: options.limits ?? NO_LIMITS,
      isOpenEndpoint: options.isOpenEndpoint ?? false,
      noteLimit: (fact) => this.noteLimit(fact),
    });
    this.#exchanges = new Exchanges({
      limits: options.exchangeLimits ?? NO_EXCHANGE_LIMITS,
      maxInAll: (options.limits ?? NO_LIMITS).maxSessions,
      isOpenEndpoint: options.isOpenEndpoint ?? false,
      noteLimit: (fact) => this.noteLimit(fact),
    });
    this.#rules = options.rules ?? NO_RULES;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): SessionInfo<P> | undefined {
    return this.#sessions.get(id);
  }

  list(): readonly Session<P, E>[] {
    return [...this.#sessions.values()];
  }

  counts(): SessionCounts {
    const counts = { sse: 0, streamable: 0, unused: 0 };
    for (const { hasBegun, transport } of this.#sessions.values()) {
      counts[hasBegun && transport !== "stdio" ? transport : "unused"]++;
    }
    return counts;
  }

  toJSON(): { readonly size: number; readonly sessions: readonly SessionInfo<P>[] } {
    return { size: this.size, sessions: this.list() };
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `SessionRegistry ${inspect(this.toJSON(), options)}`;
  }

  close(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.close();
    return session !== undefined;
  }

  closeFor(principal: P | PrincipalTest<P>): number {
    const closed =
      typeof principal === "function"
        ? this.revokeWhere(principal as PrincipalTest<P>, "close-for")
        : this.revokeOwner(this.#options.ownerKeyOf(principal), "close-for");
    this.#options.closeElsewhere?.(principal);
    return closed;
  }

  /** Ends everything of an owner that is here. @returns how many. */
  revokeOwner(key: string, by: "close-for" | "cluster" = "cluster"): number {
    this.#options.onRevoked?.(({ ownerKey }) => ownerKey === key);
    this.#options.ended?.noteRevoked(key);
    return this.#revoke(this.#allOf(key), by, key);
  }

  /** The same of all principals of whom something is true. */
  revokeWhere(isMeant: PrincipalTest<P>, by: "close-for" | "cluster" = "cluster"): number {
    this.#options.onRevoked?.(({ principal }) => isMeant(principal));
    this.#options.ended?.noteRevokedWhere(isMeant);
    const all = this.all().filter(({ principal }) => isMeant(principal));
    return this.#revoke(all, by);
  }

  /** @returns how many. */
  #revoke(sessions: Iterable<Session<P, E>>, by: "close-for" | "cluster", owner?: string): number {
    // They leave what they are looked for in.
    const all = [...sessions];
    // What the cluster says of an owner, each node hears, whether it has anything of them or not.
    if (by === "close-for" || all.length > 0) {
      this.#options.observer?.revoked(by, owner, all.length);
    }
    for (const session of all) session.end("revoked");
    return all.length;
  }

  on<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this {
    this.#announcer.on(event, listener);
    return this;
  }

  off<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this {
    this.#announcer.off(event, listener);
    return this;
  }

  /** Keeps a session until it ends. */
  add(session: Session<P, E>): void {
    this.#sessions.set(session.id, session);
    this.#admission.add(session);
    session.admission = this.#forSessions;
    session.observer = this.#options.observer;
    this.#accounts?.open(session);
  }

  /**
   * Keeps a session that is one request and its answer, until that. Nobody can go on with it, so it
   * is not listed, and nobody is told of it; but its owner pays for it, and can be shut out.
   *
   * @throws McpSseError 429 when its owner has too many.
   */
  addExchange(session: Session<P, E>): void {
    this.#exchanges.add(session);
    session.admission = this.#forExchanges;
    session.observer = this.#options.observer;
    this.#accounts?.open(session);
  }

  /** One of them is a subscription. @throws McpSseError 503 when there are too many. */
  noteSubscription(session: Session<P, E>): void {
    this.#exchanges.subscribe(session);
  }

  /** Who decides what is opened, begun and called. */
  get admission(): AdmissionController<P, Session<P, E>> {
    return this.#admission;
  }

  /** Tells that a limit was reached. */
  noteLimit(fact: LimitReached<P>): void {
    this.#options.observer?.limited(fact);
    this.#announcer.announce("limited", fact);
  }

  /**
   * The sessions of one transport that a request may listen to; see {@link mayContinue}.
   *
   * @param isMeant whether a session is one of the transport's.
   */
  ownedBy<S extends Session<P, E>>(
    asker: Requester,
    isMeant: (session: Session<P, E>) => session is S,
  ): OwnSessions<S> {
    const has = (session: Session<P, E>): session is S =>
      isMeant(session) &&
      !session.isReturning &&
      mayContinue("listen", asker, session, this.#rules);
    return {
      isOpenEndpoint: this.#options.isOpenEndpoint ?? false,
      has,
      byId: (id) => {
        const session = this.#sessions.get(id);
        return session !== undefined && has(session) ? session : undefined;
      },
      openedAlike: (session) => isSameRequest(asker, session, this.#rules),
      all: (isWanted) =>
        [...this.#admission.sessionsOf(asker.ownerKey)]
          .filter(isMeant)
          .filter((session) => isWanted(session) && has(session)),
    };
  }

  /** Tells that a session can be used, and later that it has ended. */
  announceOpened(session: Session<P, E>): void {
    this.#announced.add(session);
    this.#options.observer?.opened(session);
    this.#announcer.announce("opened", session);
    session.onClosed((reason) => this.#announcer.announce("closed", session, reason));
  }

  /**
   * The session with this id, if a message of this request may go to it.
   *
   * Security decision: another's session and no session are one answer, so that an id tells
   * nothing to whom it does not belong.
   */
  find(id: string, asker: Requester): Session<P, E> | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.isReturning) return undefined;
    return this.takesFrom(session, asker) ? session : undefined;
  }

  /** Whether there is such a session here, of another owner: for operators, and for nobody else. */
  isOthers(id: string, ownerKey: string): boolean {
    const session = this.#sessions.get(id);
    return session !== undefined && session.ownerKey !== ownerKey;
  }

  /** Whether a message of a request may go to a session; see {@link mayContinue}. */
  takesFrom(session: Session<P, E>, asker: Requester): boolean {
    return mayContinue("message", asker, session, this.#rules);
  }

  /** The account for what an owner's requests hold that are for no session here. */
  visitAccount(ownerKey: string): OwnerVisit | undefined {
    return this.#accounts?.visit(ownerKey);
  }

  /** Resolves when no session has anything left to answer, and all answers are on their way. */
  async whenSettled(): Promise<void> {
    const all = [...this.#sessions.values(), ...this.#exchanges.calls()];
    await Promise.all(all.map((session) => session.whenSettled()));
  }

  /** Ends all sessions. @returns a promise that resolves when what they had to say is gone. */
  async endAll(reason: CloseReason): Promise<void> {
    const all = this.all();
    for (const session of all) session.end(reason);
    await Promise.all(all.map((session) => session.whenGone()));
  }

  /** What each session asks and tells. */
  readonly #forSessions: SessionAdmission<Session<P, E>> = {
    admitInitialization: (session) => this.#admission.admitInitialization(session),
    admitCall: (session) => this.#admission.admitCall(session),
    noteBegun: (session) => {
      this.#options.observer?.begun(session);
      this.#announcer.announce("begun", session);
    },
    noteEnd: (session) => {
      this.#sessions.delete(session.id);
      this.#noteFinal(session);
      this.#admission.remove(session);
      this.#accounts?.close(session);
      this.#noteEnded(session);
    },
    noteListenerError: (error) => {
      this.#options.onListenerError(error, "session.onPrincipalChanged");
    },
    noteFault: (session, fault) => this.#options.onFault?.(session, fault),
    noteLimit: (session, limit, outcome) => {
      this.noteLimit({ limit, outcome, session, principal: session.principal });
    },
  };

  /** The same for exchanges, which are admitted when they are added. */
  readonly #forExchanges: SessionAdmission<Session<P, E>> = {
    ...this.#forSessions,
    admitInitialization: () => undefined,
    admitCall: () => undefined,
    noteBegun: () => undefined,
    noteEnd: (session) => {
      this.#exchanges.remove(session);
      this.#accounts?.close(session);
    },
  };

  #noteEnded(session: Session<P, E>): void {
    const { closeReason } = session;
    if (closeReason === undefined) return;
    this.#options.observer?.ended(session, closeReason, this.#announced.has(session));
  }

  #noteFinal({ id, ownerKey, sealedAt, closeReason }: Session<P, E>): void {
    if (sealedAt === undefined || closeReason === undefined || !isFinal(closeReason)) return;
    this.#options.ended?.note({ id, ownerKey, sealedAt });
  }

  /** Everything that has an owner: sessions, oldest first, and then exchanges. */
  all(): readonly Session<P, E>[] {
    return [...this.#sessions.values(), ...this.#exchanges.all()];
  }

  *#allOf(ownerKey: string): Iterable<Session<P, E>> {
    yield* this.#admission.sessionsOf(ownerKey);
    yield* this.#exchanges.of(ownerKey);
  }
}
