import type { KeptSession } from "../http/moved-session.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { RouterSession } from "../http/router-session.js";
import type { OwnSessions } from "../session/own-sessions.js";
import { markOf, planResume } from "./resume.js";
import type { ClientTraits, ResumableSession, ResumePlan } from "./resume.js";
import type { SseSession } from "./sse-session.js";
import type { StreamRequest } from "./stream-request.js";

/** A session at another node, or at none, as far as a plan depends on it. */
export class FarSession implements ResumableSession {
  readonly id: string;
  /** Nobody here can tell, and whoever is to be found by that is not looked for elsewhere. */
  readonly isDetached = false;
  readonly request: ResumableSession["request"];
  readonly handshake: ResumableSession["handshake"];
  readonly channel: ClientTraits;

  constructor({ id, opening, handshake, traits }: KeptSession) {
    this.id = id;
    this.request = { headers: opening.headers };
    const isInitialized = handshake?.isInitialized === true;
    this.handshake = { isInitialized, isInitializing: handshake !== undefined && !isInitialized };
    this.channel = traits as ClientTraits;
  }
}

/** Where they are looked for. */
export interface OtherNodes {
  readonly clients: ReturningClients;
  /** Goes on with a session for a GET. @returns as {@link FarSessions.goOn} does. */
  readonly goOn: (
    id: string,
    get: StreamRequest,
  ) => Promise<RouterSession | "answered" | undefined>;
}

/** What of other nodes' sessions a GET may go on with. */
export class FarSessions {
  readonly #get: StreamRequest;
  readonly #own: OwnSessions<SseSession>;
  readonly #others: OtherNodes;
  /** Those that it names, by their ids. */
  readonly #named = new Map<string, FarSession>();
  /** Those that could not be gone on with, or are here by now. */
  readonly #tried = new Set<string>();

  constructor(get: StreamRequest, own: OwnSessions<SseSession>, others: OtherNodes) {
    this.#get = get;
    this.#own = own;
    this.#others = others;
  }

  /** What to do with the GET, by what is known at this moment. @throws McpSseError 503 when nobody can tell. */
  async plan(): Promise<ResumePlan<SseSession | FarSession>> {
    const { hints } = this.#get;
    await this.#lookUpNamed();
    const plan = planResume(hints, this.#together);
    if (plan.kind !== "fresh" || (await this.whoMisses()).length === 0) return plan;
    return planResume(hints, this.#together, true);
  }

  /**
   * Looks up what the GET names, if that is not here.
   *
   * Security decision: a session that is here, and another's, is looked up like one that is nowhere, so that
   * how long it takes does not tell the two apart.
   */
  async #lookUpNamed(): Promise<void> {
    const { lastEvent, cookieSession, namesVersion } = this.#get.hints;
    const named = [lastEvent?.sessionId, namesVersion ? cookieSession : undefined];
    const ids = new Set(named.filter((id) => id !== undefined));
    await Promise.all([...ids].map(async (id) => await this.#lookUp(id)));
  }

  async #lookUp(id: string): Promise<void> {
    if (this.#own.byId(id) !== undefined || this.#tried.has(id)) return;
    const kept = await this.#others.clients.look(id, this.#get);
    if (kept?.transport === "sse") this.#named.set(id, new FarSession(kept));
    else this.#named.delete(id);
  }

  /** See {@link ReturningClients.whoMisses}. */
  async whoMisses(): Promise<readonly string[]> {
    const mark = markOf(this.#get.hints);
    return mark === undefined ? [] : await this.#others.clients.whoMisses(mark, this.#get);
  }

  /** Whether a session that is not here is one of the caller's. */
  async has(id: string): Promise<boolean> {
    return (await this.#others.clients.look(id, this.#get))?.transport === "sse";
  }

  /**
   * Goes on with a session that is not here.
   *
   * @returns it, if it is here now; `"answered"` if its node answers the GET; `undefined` if there is none.
   */
  async goOn(id: string): Promise<SseSession | "answered" | undefined> {
    this.#named.delete(id);
    this.#tried.add(id);
    const found = await this.#others.goOn(id, this.#get);
    return found === "answered" ? found : found && this.#own.byId(found.id);
  }

  get #together(): OwnSessions<SseSession | FarSession> {
    const own = this.#own;
    return {
      isOpenEndpoint: own.isOpenEndpoint ?? false,
      byId: (id) => own.byId(id) ?? this.#named.get(id),
      has: (session) => session instanceof FarSession || own.has(session),
      openedAlike: (session) => !(session instanceof FarSession) && own.openedAlike(session),
      all: (isMeant) => own.all(isMeant),
    };
  }
}
