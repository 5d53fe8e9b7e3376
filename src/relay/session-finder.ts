import type { ClusterBus } from "../cluster/cluster-bus.js";
import { directoryIsAway } from "../cluster/record-store.js";
import type { FoundRecord, RecordStore } from "../cluster/record-store.js";
import type { Elsewhere, FoundElsewhere, FoundHere, FoundNowhere } from "../http/elsewhere.js";
import { requesterOf } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { LeftSession } from "../http/moved-session.js";
import type { RouterSession, Sessions } from "../http/router-session.js";
import type { TransportRoute } from "../http/transport.js";
import type { ContinuationRules } from "../session/continuation.js";
import type { Requester } from "../session/requester.js";
import { mayHaveBeenDone, shuttingDown } from "../session/session-end.js";
import type { Adoptions } from "./adoptions.js";
import type { KeptSessions, RouterRecord } from "./kept-sessions.js";
import { Lanes } from "./lanes.js";
import type { Relayed, RequestRelay } from "./request-relay.js";
import { notInTime, noNodeStays } from "./search-errors.js";
import { mayGoOnWith, mayListen, mayTake } from "./who-goes-on.js";
import type { Naming } from "./who-goes-on.js";

export interface SessionFinderInit {
  readonly bus: ClusterBus;
  readonly store: RecordStore<LeftSession>;
  readonly relay: RequestRelay;
  readonly adoptions: Adoptions;
  readonly kept: KeptSessions;
  readonly sessions: Pick<Sessions, "get" | "find">;
  readonly rules: ContinuationRules;
  /** How long a request may wait, in milliseconds. */
  readonly relayTimeoutMs: number;
}

/** A request that looks for its session. */
interface Search extends Naming {
  readonly id: string;
  /** On the clock of `performance.now()`. */
  until: number;
  /** At which node nobody was there to hear it, and how often, one time after the other. */
  unheard: { readonly node: string; readonly times: number } | undefined;
  /** How often this node was being closed, and knew of none that stays. */
  alone: number;
}

/** What one look came to: `undefined` to look again. */
type Step = FoundElsewhere | undefined;

const NONE: FoundNowhere = { kind: "none" };

/** How often a search looks again at once. */
const QUICK_LOOKS = 4;

/**
 * How often nobody must hear a request until its node counts as gone although its lease is not over. It may
 * have been heard of through another connection than the one that it lost, and be back in a moment.
 */
const UNHEARD_TIMES = 3;

/** How often a node that is being closed looks for one that stays: whoever has just joined may not be known here yet. */
const ALONE_TIMES = 10;

/** How long a search rests before it looks again for what should be there soon, in milliseconds. */
const REST_MS = 100;

/** Finds the sessions of requests that name one which is not here: see {@link Elsewhere}. */
export class SessionFinder implements Elsewhere {
  readonly #init: SessionFinderInit;
  readonly #lanes = new Lanes();

  constructor(init: SessionFinderInit) {
    this.#init = init;
    const { bus, relay, kept } = init;
    bus.on("node-lost", (node) => this.#lanes.dropAllTo(node));
    bus.onTold("moved", ([, id], home) => {
      if (typeof id !== "string") return;
      this.#lanes.drop(id);
      relay.cut(id, home);
      // What it says is believed only as far as the record says the same.
      const mine = kept.get(id);
      if (mine !== undefined) void kept.reconcile(mine).catch(() => undefined);
    });
  }

  async goOn(
    id: string,
    request: AdmittedRequest,
    route: TransportRoute,
    listensAt?: string,
  ): Promise<FoundElsewhere> {
    const until = performance.now() + this.#init.relayTimeoutMs;
    const search: Search = { id, request, route, until, unheard: undefined, alone: 0, listensAt };
    for (let looks = 0; looks < QUICK_LOOKS || performance.now() < search.until; looks++) {
      if (this.#init.bus.state === "closed") throw shuttingDown();
      // What moves just now is there soon, and is not found sooner by haste.
      if (looks >= QUICK_LOOKS) await rest();
      const here = await this.#findHere(search);
      const step = here?.kind === "here" ? here : await this.#look(search, looks === 0, here);
      if (step !== undefined) return step;
    }
    throw notInTime();
  }

  async whenLeft(id: string): Promise<void> {
    await this.#init.adoptions.underWay(id);
  }

  async goOnRelayed(
    id: string,
    request: AdmittedRequest,
    route: TransportRoute,
    isToAdopt: boolean,
  ): Promise<FoundHere | FoundNowhere> {
    const unhurried = { until: 0, unheard: undefined, alone: 0, listensAt: undefined };
    const search: Search = { id, request, route, ...unhurried };
    const { adoptions, bus, store, rules } = this.#init;
    const here = await this.#findHere(search);
    const isNobodys = adoptions.isNobodys(id);
    if (here !== undefined || adoptions.isClosing) return here ?? NONE;
    if (!isToAdopt && !isNobodys) return NONE;
    const found = await store.find(id);
    if (found === undefined || !mayGoOnWith(search, found.record, rules)) return NONE;
    const { home } = found.record;
    const isOwn = isNobodys && home === bus.node;
    if (!isOwn && home !== undefined && (await bus.isAlive(home))) return NONE;
    return (await this.#adopt(search, found)) ?? NONE;
  }

  /**
   * What is known of a session that a request may listen to, wherever it is.
   *
   * @throws McpSseError 503 when nobody can tell.
   */
  async look(id: string, asker: Requester): Promise<LeftSession | undefined> {
    const { relayTimeoutMs, rules } = this.#init;
    const until = performance.now() + relayTimeoutMs;
    const isListener = (record: RouterRecord): boolean => mayListen(asker, record, rules);
    for (;;) {
      const found = await this.#lookUp({ id, until }, isListener);
      if (found !== "later") return found?.record.session;
    }
  }

  /** A session that is here, or is about to come or to leave; `undefined` for one that is not. */
  async #findHere(search: Search): Promise<FoundHere | FoundNowhere | undefined> {
    const { adoptions, sessions } = this.#init;
    const { id, request } = search;
    await uncounted(search, adoptions.underWay(id));
    if (sessions.get(id) === undefined) return undefined;
    const session: RouterSession | undefined = sessions.find(id, requesterOf(request));
    return session === undefined ? NONE : { kind: "here", session };
  }

  /**
   * @param trusts whether what was looked up before is good enough.
   * @param here that it is here, and another's.
   */
  async #look(search: Search, trusts: boolean, here: FoundNowhere | undefined): Promise<Step> {
    const { bus, rules } = this.#init;
    const mayBe = (record: RouterRecord): boolean =>
      here === undefined && mayGoOnWith(search, record, rules);
    const lane = trusts ? this.#lanes.get(search.id) : undefined;
    if (lane !== undefined && here === undefined && mayTake(search, lane, rules)) {
      const relayed = await this.#relay(search, lane.home);
      if (relayed.kind === "answered") return relayed;
      await this.#lost(search, relayed, lane.home);
      return undefined;
    }
    const found = await this.#lookUp(search, mayBe);
    if (found === undefined) return NONE;
    if (found === "later") return undefined;
    const { home } = found.record;
    if (home === undefined) return await this.#adoptSomewhere(search, found);
    if (home === bus.node) return await this.#missHere(search, found);
    return await this.#askHome(search, found, home);
  }

  async #askHome(search: Search, found: FoundRecord<LeftSession>, home: string): Promise<Step> {
    // One that ends with its node is waited for as long as that may be there.
    const stays = !this.#init.adoptions.canMove(found.record);
    const isHeard = stays || timesUnheard(search, home) < UNHEARD_TIMES;
    const isThere = isHeard && (await this.#isAlive(home, search.until));
    if (isThere === "later") return undefined;
    if (!isThere) return await this.#adoptSomewhere(search, found);
    const { moves, transport, standing } = found.record;
    this.#lanes.set(search.id, { home, moves, transport, standing });
    const relayed = await this.#relay(search, home);
    if (relayed.kind === "answered") return relayed;
    if (relayed.kind === "lost") {
      await this.#lost(search, relayed, home);
      return undefined;
    }
    this.#lanes.drop(search.id);
    return await this.#unlessMoved(search, found);
  }

  /** Whether a node is there, or that it may be known later. */
  async #isAlive(node: string, until: number): Promise<boolean | "later"> {
    try {
      return await this.#init.bus.isAlive(node);
    } catch (error) {
      if (performance.now() + REST_MS >= until) throw error;
      await rest();
      return "later";
    }
  }

  /** It is to be here, and was not: it has come meanwhile; or it has ended, and that could not be written down. */
  async #missHere(search: Search, found: FoundRecord<LeftSession>): Promise<Step> {
    const { adoptions, sessions } = this.#init;
    await adoptions.underWay(search.id);
    if (sessions.get(search.id) !== undefined) return undefined;
    if (adoptions.isNobodys(search.id)) return await this.#adoptSomewhere(search, found);
    return await this.#unlessMoved(search, found);
  }

  /** Its home does not have it, or not for this caller: there is none, unless it has left in this moment. */
  async #unlessMoved(search: Search, found: FoundRecord<LeftSession>): Promise<Step> {
    const { rules } = this.#init;
    const now = await this.#lookUp(search, (record) => mayGoOnWith(search, record, rules));
    if (now === "later") return undefined;
    return now === undefined || now.version === found.version ? NONE : undefined;
  }

  async #relay({ id, request, route }: Search, node: string): Promise<Relayed> {
    return await this.#init.relay.relay(request, route, { node, session: id, isToAdopt: false });
  }

  /**
   * What becomes of a request that nobody has answered.
   *
   * What may have been done is not done twice by somebody else, unless it changes nothing.
   *
   * @throws McpSseError 503
   */
  async #lost(search: Search, relayed: Relayed, home: string): Promise<void> {
    this.#lanes.drop(search.id);
    if (relayed.kind !== "lost") return;
    if (relayed.mayBeHeard && search.request.req.method !== "GET") throw mayHaveBeenDone();
    const times = relayed.mayBeHeard ? 0 : timesUnheard(search, home) + 1;
    search.unheard = { node: home, times };
    // A node that is there, and does not hear, may do so again, or may turn out to be gone.
    const isAlive = await this.#init.bus.isAlive(home).catch(() => true);
    if (isAlive && times < UNHEARD_TIMES) await rest();
  }

  /**
   * What the directory says, or that it may say something else later.
   *
   * Security decision: another's session takes the questions that one takes which there is not, so that neither
   * time nor an engine that is away tells them apart.
   */
  async #lookUp(
    { id, until }: Pick<Search, "id" | "until">,
    mayGoOn: (record: RouterRecord) => boolean,
  ): Promise<FoundRecord<LeftSession> | "later" | undefined> {
    const { bus, store } = this.#init;
    if (bus.state === "closed") throw shuttingDown();
    try {
      if (await bus.whenUp(Math.max(0, until - performance.now()))) {
        const found = await store.find(id);
        if (found !== undefined && mayGoOn(found.record)) return found;
        if (await bus.confirmDirectory()) return undefined;
      }
    } catch (error) {
      if (performance.now() + REST_MS >= until) throw error;
    }
    // Not before it has looked: the time may have gone by at a node that then said it has gone elsewhere.
    if (performance.now() + REST_MS >= until) throw directoryIsAway(bus.trouble);
    await rest();
    return "later";
  }

  /**
   * Goes on with a session that no node has, here, or at a node that stays.
   *
   * @returns `undefined` where another was faster.
   */
  async #adoptSomewhere(search: Search, found: FoundRecord<LeftSession>): Promise<Step> {
    const { adoptions, relay } = this.#init;
    const isClosing = (): boolean => adoptions.isClosing;
    if (!adoptions.canMove(found.record)) return NONE;
    if (!isClosing()) {
      try {
        return await this.#adopt(search, found);
      } catch (error) {
        if (!isClosing()) throw error;
        // It has begun to close meanwhile: nobody has the session, and others may.
        return undefined;
      }
    }
    const node = adoptions.nodeThatStays(search.id);
    if (node === undefined) {
      if (++search.alone > ALONE_TIMES) throw noNodeStays();
      await rest();
      return undefined;
    }
    const { id, request, route } = search;
    const relayed = await relay.relay(request, route, { node, session: id, isToAdopt: true });
    if (relayed.kind === "answered") return relayed;
    await this.#lost(search, relayed, node);
    return undefined;
  }

  async #adopt(
    search: Search,
    found: FoundRecord<LeftSession>,
  ): Promise<FoundHere | FoundNowhere | undefined> {
    const { id, request, route } = search;
    this.#lanes.drop(id);
    const adopting = this.#init.adoptions.adopt(id, found, { request, route });
    const session = await uncounted(search, adopting);
    if (session === "taken") return undefined;
    return session === undefined ? NONE : { kind: "here", session };
  }
}

/**
 * To go on with a session takes as long as its server does: that is no time of the search, which may have to find
 * whoever was faster. Only so long, or what fails at once, over and over, would be tried for ever.
 */
async function uncounted<T>(search: Search, work: Promise<T>): Promise<T> {
  const begunAt = performance.now();
  try {
    return await work;
  } finally {
    search.until += performance.now() - begunAt;
  }
}

/** Of one node: what nobody heard there says nothing of the next that has the session. */
function timesUnheard({ unheard }: Search, node: string): number {
  return unheard?.node === node ? unheard.times : 0;
}

async function rest(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
}
