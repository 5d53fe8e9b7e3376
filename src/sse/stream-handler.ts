import { hasLapsed } from "../auth/verified-cache.js";
import { sessionNotFound } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { openSession } from "../http/open-session.js";
import type { OpeningContext } from "../http/open-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { SessionKeeper } from "../http/session-keeper.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { shouldReconnect } from "../session/close-reason.js";
import type { OwnSessions } from "../session/own-sessions.js";
import { Session } from "../session/session.js";
import type { Probes } from "./probe.js";
import { FarSession, FarSessions } from "./far-sessions.js";
import type { OtherNodes } from "./far-sessions.js";
import { planResume } from "./resume.js";
import type { ResumePlan } from "./resume.js";
import { SseChannel } from "./sse-channel.js";
import { isSseSession } from "./sse-session.js";
import type { SseSession } from "./sse-session.js";
import type { StreamRequest } from "./stream-request.js";

/** What answering GETs takes. */
export interface StreamHandlerInit extends OpeningContext {
  readonly options: ResolvedOptions;
  readonly probes: Probes;
  readonly keeper: SessionKeeper | undefined;
  /** `undefined` where there are none. */
  readonly others: OtherNodes | undefined;
  /** `undefined` where every POST is routed. It knows a session before the client does. */
  readonly fastPath: { open(session: RouterSession, request: AdmittedRequest): void } | undefined;
}

/** What becomes of a GET of the event stream, once it is known who sent it. */
export class StreamHandler {
  readonly #init: StreamHandlerInit;

  constructor(init: StreamHandlerInit) {
    this.#init = init;
  }

  /**
   * Goes on with the session that the client had, or opens one.
   *
   * @throws McpSseError; nothing was sent before that, unless the client had to be asked something.
   */
  async answer(get: StreamRequest): Promise<void> {
    // The client may have left while it was authenticated, and have come back since.
    if (get.hasLeft()) return;
    const session = await this.#findSession(get);
    if (session !== undefined) await this.#answerWith(session, get);
  }

  /**
   * Goes on with a session for which another node has sent the GET.
   *
   * @throws McpSseError 404 if that is not possible: then that node looks again.
   */
  async answerRelayed(get: StreamRequest, session: RouterSession): Promise<void> {
    const own = this.#init.sessions.ownedBy(get, isResumable).byId(session.id);
    const { lastEvent } = get.hints;
    const seq = lastEvent?.sessionId === session.id ? lastEvent.seq : undefined;
    if (own === undefined || !isWhole(own, seq)) throw sessionNotFound();
    if (!get.hasLeft()) await this.#answerWith(own, get);
  }

  async #answerWith(session: SseSession, get: StreamRequest): Promise<void> {
    // Of its channel, since another request may have ended the session by now: that it was new.
    const isNew = session.channel.state === "opening";
    try {
      this.#init.fastPath?.open(session, get.admitted);
      if (isNew) await this.#open(session, get);
      else if (!get.hasLeft()) goOn(session, get);
    } catch (error) {
      if (isNew) session.end("failed-to-open");
      // Where its status was sent long ago, the client tries again, unless its access was withdrawn.
      get.stream.end(session.closeReason === "revoked" ? undefined : this.#retryMs);
      throw error;
    }
  }

  /** @returns one that goes on, a new one, or nothing when nobody waits for an answer any more. */
  async #findSession(get: StreamRequest): Promise<SseSession | undefined> {
    const { sessions, others } = this.#init;
    const own = sessions.ownedBy(get, isResumable);
    if (others === undefined) return await this.#follow(planResume(get.hints, own), get, own);
    const far = new FarSessions(get, own, others);
    for (;;) {
      const plan = await far.plan();
      if (plan.kind !== "resume" || !(plan.session instanceof FarSession)) {
        if (!(await this.#isOurs(plan))) continue;
        return await this.#follow(plan as ResumePlan<SseSession>, get, own, far);
      }
      const session = await far.goOn(plan.session.id);
      if (session === "answered") return undefined;
      if (session !== undefined) return await this.#follow({ ...plan, session }, get, own, far);
    }
  }

  /** Whether another node has not gone on with a session that is here; if one has, it is not here any more. */
  async #isOurs(plan: ResumePlan<RouterSession | FarSession>): Promise<boolean> {
    const { keeper } = this.#init;
    if (plan.kind !== "resume" || keeper === undefined || keeper.isCertain) return true;
    return plan.session instanceof FarSession || (await keeper.confirm(plan.session));
  }

  /** Does what was planned, with what is here. */
  async #follow(
    plan: ResumePlan<SseSession>,
    get: StreamRequest,
    own: OwnSessions<SseSession>,
    far?: FarSessions,
  ): Promise<SseSession | undefined> {
    switch (plan.kind) {
      case "fresh":
        return this.#admit(get, plan.isStale);
      case "resume":
        return isWhole(plan.session, plan.seq) ? plan.session : this.#admit(get, true);
      case "probe":
        return await this.#ask(get, own, far);
    }
  }

  /** A new session, if one more is admitted. @throws McpSseError if not. */
  #admit(get: StreamRequest, isStale: boolean): SseSession {
    this.#init.shutdown.checkOpen();
    this.#init.sessions.admission.admitOpening(get);
    return this.#createSession(get, isStale);
  }

  /** A session that is counted, and ends with those of its owner, although it has no server yet. */
  #createSession(get: StreamRequest, isStale: boolean): SseSession {
    const { sessions, options } = this.#init;
    const { instance } = get.hints;
    const session: SseSession = new Session(
      get,
      (opened) => new SseChannel(opened, get, { resume: options.resume, instance, isStale }),
    );
    sessions.add(session);
    return session;
  }

  /**
   * Asks the client which session it has. Meanwhile its stream has a place among its owner's
   * sessions, that of the one which it gets if it names none.
   */
  async #ask(
    get: StreamRequest,
    own: OwnSessions<SseSession>,
    far: FarSessions | undefined,
  ): Promise<SseSession | undefined> {
    const { sessions, probes, options, others } = this.#init;
    sessions.admission.admitReturning(get);
    const newcomer = this.#createSession(get, get.hints.namesVersion);
    const { stream } = get;
    stream.open();
    const askedAt = performance.now();
    /** Who may have its session elsewhere; asked once it takes longer than at one node. */
    let holders: readonly string[] = [];
    const id = await probes.ask({
      stream,
      newcomer,
      mayContinue: (named) => own.byId(named) !== undefined || (far?.has(named) ?? false),
      timeoutMs: options.resume?.probeMs ?? 0,
      moreMs: async () => {
        holders = (await far?.whoMisses().catch(() => [])) ?? [];
        return holders.length > 0 ? (others?.clients.patienceMs ?? 0) : 0;
      },
    });
    // What let the caller in may have been withdrawn since.
    if (hasLapsed(get.caller)) newcomer.end("credential-expired");
    if (id === undefined && newcomer.closeReason === undefined && holders.length > 0) {
      // One that hangs has the client wait until its sessions may go on elsewhere.
      if ((await others?.clients.areInTouch(holders)) === false) this.#putOff(newcomer, get);
    }
    if (this.#isOver(newcomer, get)) return undefined;
    this.#logAnswer(id, performance.now() - askedAt);
    const here = id === undefined ? undefined : own.byId(id);
    if (id === undefined || far === undefined || here !== undefined) {
      return this.#prefer(here, newcomer);
    }
    return await this.#goOnFar(id, { get, far, newcomer });
  }

  /** Goes on with the session at another node that a client has named on a stream which is open. */
  async #goOnFar(
    id: string,
    { get, far, newcomer }: { get: StreamRequest; far: FarSessions; newcomer: SseSession },
  ): Promise<SseSession | undefined> {
    try {
      const found = await far.goOn(id);
      if (found !== "answered") {
        return this.#isOver(newcomer, get) ? undefined : this.#prefer(found, newcomer);
      }
      get.stream.letGo();
      newcomer.end("made-room");
      return undefined;
    } catch (error) {
      this.#putOff(newcomer, get);
      throw error;
    }
  }

  /** Tells a client on an open stream to come again, and gives it no session. */
  #putOff(newcomer: SseSession, { stream }: StreamRequest): void {
    newcomer.end("failed-to-open");
    stream.end(this.#retryMs);
  }

  /** @param named the session that the client has named, if it can go on; else it gets the new one. */
  #prefer(named: SseSession | undefined, newcomer: SseSession): SseSession {
    if (named === undefined || !isWhole(named, undefined)) return newcomer;
    newcomer.end("made-room");
    return named;
  }

  /** Whether a new session has ended while its client was asked; then its stream ends, too. */
  #isOver({ closeReason }: SseSession, { stream }: StreamRequest): boolean {
    if (closeReason === undefined) return false;
    stream.end(shouldReconnect(closeReason) ? this.#retryMs : undefined);
    return true;
  }

  async #open(session: SseSession, get: StreamRequest): Promise<void> {
    const { sessions, shutdown } = this.#init;
    if (get.stream.isOpen) {
      // A client that was asked was let in although there may be no room for one more.
      shutdown.checkOpen();
      sessions.admission.checkReturned(get);
    }
    if (get.hasLeft()) session.end("client-disconnected");
    else await openSession(session, get.admitted, this.#init);
  }

  get #retryMs(): number | undefined {
    return this.#init.options.resume?.retryMs;
  }

  #logAnswer(id: string | undefined, tookMs: number): void {
    const { logger } = this.#init.options;
    const after = `after ${Math.round(tookMs)} ms`;
    if (id === undefined) {
      logger.info(`asked a client which session it comes back to: no answer ${after}`);
    } else {
      logger.debug(`asked a client which session it comes back to: ${id} ${after}`);
    }
  }
}

/** Whether a stream can go on with a session where another was cut; not while it is still being opened. */
function isResumable(session: RouterSession): session is SseSession {
  return isSseSession(session) && session.channel.isResumable && session.state !== "opening";
}

/**
 * Whether a session has all that its client may lack. One that has not ends: its client must not go on as if
 * it had everything, with calls that wait for answers that nobody will send again.
 *
 * @param seq up to where the client has everything; `undefined`: up to what it acknowledged.
 */
function isWhole(session: SseSession, seq: number | undefined): boolean {
  const { channel } = session;
  const hasAll = seq === undefined ? channel.isWhole : channel.acknowledge(seq);
  if (!hasAll) session.end("buffer-overflow");
  return hasAll;
}

function goOn(session: SseSession, get: StreamRequest): void {
  session.renew(get.principal, get.validUntil);
  session.channel.attach(get);
}
