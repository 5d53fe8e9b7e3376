import type { CloseReason } from "../session/close-reason.js";
import type { Spare } from "../session/limits.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import { askNode } from "./ask-node.js";
import type { ClusterBus } from "./cluster-bus.js";
import type { ClusterEngine } from "./engine.js";
import { leastUsed, readSpare } from "./spare-place.js";

/** A session that has a place, or wants one. */
export interface PlacedSession {
  readonly id: string;
  readonly ownerKey: string;
  readonly isUninitialized: boolean;
  /** Why it has ended, if it has. */
  readonly closeReason: CloseReason | undefined;
  onClosed(listener: (reason: CloseReason) => void): void;
}

/** Who knows the sessions that are here, and which can be spared. An `AdmissionController` does. */
export interface LocalPlaces<S> {
  sessionsOf(ownerKey: string): Iterable<S>;
  spareOf(ownerKey: string): Spare | undefined;
  /** Ends the one that can best be spared. @returns which, if there was one. */
  makeRoom(ownerKey: string): S | undefined;
  /** What the owner of a session hears that finds no place. */
  refuse(session: S): McpSseError;
}

export interface OwnerPlacesInit<S> {
  readonly bus: ClusterBus;
  readonly engine: Pick<ClusterEngine, "index">;
  /** The engine's set of an owner's places. */
  readonly setOf: (ownerKey: string) => string;
  /** What a session is called in the directory. */
  readonly nameOf: (id: string) => string;
  /** Frees the place of a session that is at no node any more. @returns whether that was so. */
  readonly dropAbandoned: (name: string) => Promise<boolean>;
  readonly local: LocalPlaces<S>;
  /** Conversations of one owner; 0 for any number. */
  readonly max: number;
  /** How long a place counts whose node has died, in milliseconds: as long as its session can go on elsewhere. */
  readonly ttlMs: number;
  /** Milliseconds that a request may wait for the engine. */
  readonly waitMs: number;
}

/** How long other nodes may take to say what they can spare, in milliseconds. */
const SPARE_MS = 1_000;

/** How often a place is asked for again that was freed, and then taken by somebody else. */
const MAX_TRIES = 8;

/** Ends after which a session has its place at another node. */
const GOES_ON: ReadonlySet<CloseReason> = new Set(["moved", "superseded"]);

/**
 * The places that an owner's conversations have in all nodes, so that there are never more than there may
 * be: a set in the engine, to which a name is added only while there is room.
 *
 * A session keeps its place when it moves, and gives it up when it ends. What a node that dies leaves
 * behind counts for as long as it can go on elsewhere, unless somebody needs the place.
 */
export class OwnerPlaces<S extends PlacedSession> {
  readonly #init: OwnerPlacesInit<S>;
  /** Sessions that have a place, or are about to, each with the promise of it. */
  readonly #places = new Map<S, Promise<unknown>>();
  /** What is still to be taken out of a set, when the engine is there again: sets by names. */
  readonly #leaving = new Map<string, string>();
  readonly #refresh: NodeJS.Timeout;

  constructor(init: OwnerPlacesInit<S>) {
    this.#init = init;
    const { bus, ttlMs } = init;
    bus.onQuestion("spare", ([, ownerKey]) => this.#spareFor(String(ownerKey)));
    bus.onExchange("make-room", ([, ownerKey], exchange) => {
      void this.#makeRoomHere(String(ownerKey)).then((isMade) => {
        exchange.send(["made", isMade]);
        exchange.end();
      });
    });
    bus.on("up", () => void this.#catchUp());
    this.#refresh = setInterval(() => void this.#prolong(), ttlMs / 4).unref();
  }

  /** See `ConversationLimit.admit`. */
  admit(session: S): Promise<void> | undefined {
    if (this.#init.max === 0 || !session.isUninitialized) return undefined;
    const taken = this.#places.get(session);
    if (taken !== undefined) return taken.then(() => undefined);
    const taking = this.#take(session);
    this.#keep(session, taking);
    return taking;
  }

  /** A session that had its place at another node has begun here: it is written down anew. */
  noteBegun(session: S): void {
    if (this.#init.max === 0 || this.#places.has(session)) return;
    this.#keep(session, this.#add(session).catch(ignore));
  }

  /** Writes nothing down any more. */
  stop(): void {
    clearInterval(this.#refresh);
  }

  #keep(session: S, taking: Promise<unknown>): void {
    this.#places.set(session, taking);
    // Who was refused may try again.
    taking.catch(() => this.#places.delete(session));
    session.onClosed((reason) => {
      const isElsewhere = GOES_ON.has(reason);
      void taking.catch(ignore).then(() => {
        if (!this.#places.delete(session) || isElsewhere) return;
        void this.#free(session);
      });
    });
  }

  /** @throws McpSseError 429 or 503. */
  async #take(session: S): Promise<void> {
    const { bus, local, waitMs } = this.#init;
    const { ownerKey } = session;
    await bus.whenUp(waitMs);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (await this.#addUnlessFull(session)) return;
      const isMade =
        (await this.#makeRoomHere(ownerKey)) || (await this.#makeRoomElsewhere(ownerKey));
      if (!isMade) break;
    }
    throw local.refuse(session);
  }

  async #addUnlessFull({ id, ownerKey }: S): Promise<boolean> {
    const { engine, max, setOf, nameOf } = this.#init;
    try {
      return await engine.index.addUnlessFull(setOf(ownerKey), nameOf(id), this.#until, max);
    } catch (cause) {
      throw nobodyCanTell(cause);
    }
  }

  async #add({ id, ownerKey }: S): Promise<void> {
    const { engine, setOf, nameOf } = this.#init;
    await engine.index.add(setOf(ownerKey), nameOf(id), this.#until);
  }

  get #until(): number {
    return Date.now() + this.#init.ttlMs;
  }

  async #free({ id, ownerKey }: S): Promise<void> {
    const { setOf, nameOf } = this.#init;
    await this.#remove(setOf(ownerKey), nameOf(id));
  }

  async #remove(set: string, name: string): Promise<void> {
    this.#leaving.set(name, set);
    await this.#init.engine.index.remove(set, name).then(() => this.#leaving.delete(name), ignore);
  }

  async #makeRoomHere(ownerKey: string): Promise<boolean> {
    const victim = this.#init.local.makeRoom(ownerKey);
    if (victim === undefined) return false;
    await this.#places.get(victim);
    // In `#free` already, which it may not have done yet: so once more.
    await this.#free(victim);
    return true;
  }

  /** @returns whether another node has ended one, or one was freed that no node has. */
  async #makeRoomElsewhere(ownerKey: string): Promise<boolean> {
    const { bus, engine, setOf, nameOf } = this.#init;
    const set = setOf(ownerKey);
    // Before others are asked: so what is in it, and nobody has, was had by nobody for as long.
    const names = await engine.index.list(set).catch(() => []);
    const { answers, unreached } = await bus.gather(["spare", ownerKey], SPARE_MS);
    const spares = [...answers].map(([node, answer]) => ({ node, ...readSpare(answer) }));
    const best = leastUsed(spares);
    const endIt = async (): Promise<boolean> =>
      best !== undefined &&
      (await askNode(bus, best.node, ["make-room", ownerKey], SPARE_MS))?.[1] === true;
    if (best?.spare.isMissed === false && (await endIt())) return true;
    const held = new Set(spares.flatMap((one) => one.names));
    for (const { id } of this.#init.local.sessionsOf(ownerKey)) held.add(nameOf(id));
    const abandoned = unreached.length > 0 ? [] : names.filter((name) => !held.has(name));
    for (const name of abandoned) if (await this.#freeAbandoned(set, name)) return true;
    return await endIt();
  }

  async #freeAbandoned(set: string, name: string): Promise<boolean> {
    const { engine, dropAbandoned } = this.#init;
    try {
      if (!(await dropAbandoned(name))) return false;
      await engine.index.remove(set, name);
      return true;
    } catch {
      return false;
    }
  }

  /** What this node says to one where a session of that owner is to begin. */
  #spareFor(ownerKey: string): readonly [Spare | null, readonly string[]] {
    const { local, nameOf } = this.#init;
    const names = [...local.sessionsOf(ownerKey)].map(({ id }) => nameOf(id));
    return [local.spareOf(ownerKey) ?? null, names];
  }

  /** The engine is there again, and may have lost what it knew. */
  async #catchUp(): Promise<void> {
    for (const [name, set] of this.#leaving) await this.#remove(set, name);
    await this.#prolong();
  }

  async #prolong(): Promise<void> {
    for (const session of [...this.#places.keys()]) {
      if (session.closeReason === undefined) await this.#add(session).catch(ignore);
    }
  }
}

function nobodyCanTell(cause: unknown): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "Sessions cannot be counted now: try again soon.",
    {
      headers: retryAfter(1),
      cause,
    },
  );
}

function ignore(): void {
  // It is done when the engine is there again.
}
