import { hasLapsed } from "../auth/verified-cache.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { openSession } from "../http/open-session.js";
import type { OpeningContext } from "../http/open-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { shouldReconnect } from "../session/close-reason.js";
import type { OwnSessions } from "../session/own-sessions.js";
import { Session } from "../session/session.js";
import type { Probes } from "./probe.js";
import { planResume } from "./resume.js";
import { SseChannel } from "./sse-channel.js";
import { isSseSession } from "./sse-session.js";
import type { SseSession } from "./sse-session.js";
import type { StreamRequest } from "./stream-request.js";

/** What answering GETs takes. */
export interface StreamHandlerInit extends OpeningContext {
  readonly options: ResolvedOptions;
  readonly probes: Probes<SseSession>;
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
    if (session === undefined) return;
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
    const own = this.#init.sessions.ownedBy(get, isResumable);
    const plan = planResume(get.hints, own);
    switch (plan.kind) {
      case "fresh":
        return this.#admit(get, plan.isStale);
      case "resume": {
        const { session, seq } = plan;
        const { channel } = session;
        const isWhole = seq === undefined ? channel.isWhole : channel.acknowledge(seq);
        if (isWhole) return session;
        endIncomplete(session);
        return this.#admit(get, true);
      }
      case "probe":
        return await this.#ask(get, own);
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
  async #ask(get: StreamRequest, own: OwnSessions<SseSession>): Promise<SseSession | undefined> {
    const { sessions, probes, options } = this.#init;
    sessions.admission.admitReturning(get);
    const newcomer = this.#createSession(get, get.hints.namesVersion);
    const { stream } = get;
    stream.open();
    const askedAt = performance.now();
    const named = await probes.ask({
      stream,
      newcomer,
      mayContinue: own.has,
      timeoutMs: options.resume?.probeMs ?? 0,
    });
    // What let the caller in may have been withdrawn since.
    if (hasLapsed(get.caller)) newcomer.end("credential-expired");
    const { closeReason } = newcomer;
    if (closeReason !== undefined) {
      stream.end(shouldReconnect(closeReason) ? this.#retryMs : undefined);
      return undefined;
    }
    this.#logAnswer(named, performance.now() - askedAt);
    // Another request may have brought the session more rights since the answer came.
    const isOwn = named !== undefined && named.state !== "closed" && own.has(named);
    if (isOwn && named.channel.isWhole) {
      newcomer.end("made-room");
      return named;
    }
    if (isOwn) endIncomplete(named);
    return newcomer;
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

  #logAnswer(session: SseSession | undefined, tookMs: number): void {
    const { logger } = this.#init.options;
    const after = `after ${Math.round(tookMs)} ms`;
    if (session === undefined) {
      logger.info(`asked a client which session it comes back to: no answer ${after}`);
    } else {
      logger.debug(`asked a client which session it comes back to: ${session.id} ${after}`);
    }
  }
}

/** Whether a stream can go on with a session where another was cut; not while it is still being opened. */
function isResumable(session: RouterSession): session is SseSession {
  return isSseSession(session) && session.channel.isResumable && session.state !== "opening";
}

/**
 * Some of what the client may lack is gone. It must not go on as if it had everything, with calls
 * that wait for answers that nobody will send again.
 */
function endIncomplete(session: SseSession): void {
  session.end("buffer-overflow");
}

function goOn(session: SseSession, get: StreamRequest): void {
  session.renew(get.principal, get.validUntil);
  session.channel.attach(get);
}
