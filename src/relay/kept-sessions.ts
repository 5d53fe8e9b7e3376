import type { ClusterBus } from "../cluster/cluster-bus.js";
import { directoryIsAway } from "../cluster/record-store.js";
import type { RecordStore } from "../cluster/record-store.js";
import type { SessionRecord } from "../cluster/session-record.js";
import { endSuperseded, keptOf } from "../http/leave-node.js";
import type { LeftSession } from "../http/moved-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { CloseReason } from "../session/close-reason.js";
import type { ContinuationRules } from "../session/continuation.js";
import { standingOfSession } from "../session/session-standing.js";
import type { Logger } from "../shared/logger.js";
import { isSuperseded } from "./kept-session.js";
import type { KeptSession, KnownRecord } from "./kept-session.js";
import type { ReturnMarks } from "./return-marks.js";
import type { RecordTimes } from "./record-times.js";

export interface KeptSessionsInit {
  readonly marks: Pick<ReturnMarks, "note">;
  readonly bus: ClusterBus;
  readonly store: RecordStore<LeftSession>;
  readonly rules: ContinuationRules;
  readonly times: RecordTimes;
  readonly relayTimeoutMs: number;
  readonly logger: Logger;
  readonly pages: CallPages;
}

/** Where it is written down which calls are open; a `CallJournal` has them. */
export interface CallPages {
  /** A page for one more session. */
  assign(): number;
  /** A session has left its page. */
  release(page: number, key: string): void;
  /** A session's record has another name. */
  rename(page: number, from: string, to: string): void;
  /** Writes everything again. */
  rewrite(): void;
  /** Of what is written. */
  readonly names: readonly string[];
}

/** A record of a router. */
export type RouterRecord = SessionRecord<LeftSession>;

/** How many records are written at a time when all are. */
const BATCH = 64;

/** After how long what could not be written is tried once more, in milliseconds. */
const RETRY_MS = 1_000;

/** How many records are remembered that could not be deleted; others are forgotten by the engine in time. */
const MAX_ENDED = 10_000;

/** How often a record may turn out to be other than known before its next writing is left for later. */
const MAX_CONFLICTS = 5;

/**
 * The records of this node's sessions: written before a client hears of its session, again when that has
 * changed, and all of them when the engine has been away; deleted when the session ends.
 */
export class KeptSessions {
  /** Of sessions that this node is about to go on with, by their ids: they are not written meanwhile. */
  readonly claims = new Map<string, KnownRecord>();
  readonly #init: KeptSessionsInit;
  readonly #kept = new Map<string, KeptSession>();
  /** Names of records whose sessions have ended while nobody could be told. */
  readonly #ended = new Map<string, KnownRecord>();
  readonly #dirty = new Set<KeptSession>();
  #hasToldOfSize = false;
  #hasStopped = false;
  #isFlushDue = false;
  #refreshing: NodeJS.Timeout | undefined;
  #retrying: NodeJS.Timeout | undefined;

  constructor(init: KeptSessionsInit) {
    this.#init = init;
    const { bus } = init;
    bus.on("up", () => void this.#writeAll());
    bus.on("emptied", () => {
      for (const kept of this.#kept.values()) {
        kept.version = 0;
        const key = init.store.keyOf(kept.session.id);
        init.pages.rename(kept.page, kept.key, key);
        kept.key = key;
      }
      void this.#writeAll();
    });
  }

  /** What is known of a session's record. */
  get(id: string): KeptSession | undefined {
    return this.#kept.get(id);
  }

  all(): Iterable<KeptSession> {
    return this.#kept.values();
  }

  /**
   * Writes a session down that is new. That of one which this node goes on with is its own already.
   *
   * @throws McpSseError 503 where that cannot be done.
   */
  async register(session: RouterSession): Promise<void> {
    const claim = this.claims.get(session.id);
    if (claim !== undefined) {
      this.#keep(session, { ...claim });
      return;
    }
    const { bus, store, relayTimeoutMs, pages } = this.#init;
    // One that cannot be reached has nothing to offer to the others.
    if (!(await bus.whenUp(relayTimeoutMs))) throw directoryIsAway(bus.trouble);
    const key = store.keyOf(session.id);
    // It may be written although nobody can tell, and is deleted when the session ends.
    const kept = this.#keep(session, { key, version: 1, moves: 0, page: pages.assign() });
    const writing = store.put(key, this.recordOf(kept), 0, this.#ttlOf(kept));
    kept.busy = writing.then(ignore, ignore).finally(() => (kept.busy = undefined));
    const isNew = await writing;
    if (!isNew) throw directoryIsAway(new Error("there is a record of a session that is new"));
  }

  /** Something that another node would need is different by now: it is written soon. */
  noteChange(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#init.marks.note(kept.session);
    kept.isDirty = true;
    this.#dirty.add(kept);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      for (const one of this.#dirty) void this.#write(one);
      this.#dirty.clear();
    });
  }

  /** Stops; what is here may still end. */
  stop(): void {
    this.#rest();
    clearTimeout(this.#retrying);
    this.#retrying = undefined;
    this.#hasStopped = true;
  }

  /**
   * Finds out whose a session is, where its record is not what it was thought to be.
   *
   * @returns whether it is still this node's. One that is not has ended.
   * @throws McpSseError 503 when nobody can tell.
   */
  async reconcile(kept: KeptSession): Promise<boolean> {
    const found = await this.#init.store.read(kept.key);
    if (found !== undefined && isSuperseded(kept, found.record, this.#init.bus.node)) {
      kept.isGivenAway = true;
      endSuperseded(kept.session);
      return false;
    }
    const isAsKnown =
      found?.record.home === this.#init.bus.node && found.record.moves === kept.moves;
    kept.version = found?.version ?? 0;
    if (!isAsKnown) this.noteChange(kept.session.id);
    return true;
  }

  #keep(session: RouterSession, known: KnownRecord): KeptSession {
    const state = { isDirty: false, busy: undefined, isSure: true, isGivenAway: false };
    const kept: KeptSession = { ...known, session, ...state };
    this.#kept.set(session.id, kept);
    session.remember(() => this.noteChange(session.id));
    // What it may do, it was made for: whoever goes on with it elsewhere must be allowed as much.
    session.onPrincipalChanged(() => this.noteChange(session.id));
    this.#refreshing ??= setInterval(
      () => void this.#refresh(),
      this.#init.times.refreshMs,
    ).unref();
    session.onClosed((reason) => void this.#noteEnd(kept, reason));
    return kept;
  }

  /** Writes a record until it is as its session is. Never rejects. */
  async #write(kept: KeptSession): Promise<void> {
    if (kept.busy !== undefined) {
      await kept.busy;
      return;
    }
    kept.busy = this.#writeNow(kept)
      .catch(() => this.#retrySoon())
      .finally(() => (kept.busy = undefined));
    await kept.busy;
  }

  async #writeNow(kept: KeptSession): Promise<void> {
    const { store } = this.#init;
    for (let conflicts = 0; kept.isDirty && conflicts <= MAX_CONFLICTS;) {
      if (kept.session.closeReason !== undefined || this.claims.has(kept.session.id)) return;
      kept.isDirty = false;
      try {
        if (await store.put(kept.key, this.recordOf(kept), kept.version, this.#ttlOf(kept))) {
          kept.version++;
        } else {
          conflicts++;
          kept.isDirty = await this.reconcile(kept);
        }
      } catch (error) {
        kept.isDirty = true;
        throw error;
      }
    }
  }

  /** Nothing is to be refreshed. */
  #rest(): void {
    clearInterval(this.#refreshing);
    this.#refreshing = undefined;
  }

  #retrySoon(): void {
    if (this.#hasStopped) return;
    this.#retrying ??= setTimeout(() => {
      this.#retrying = undefined;
      for (const kept of this.#kept.values()) if (kept.isDirty) this.noteChange(kept.session.id);
      this.#deleteEnded();
    }, RETRY_MS).unref();
  }

  /** Writes everything down again, in the order in which it began, so many at a time. */
  async #writeAll(): Promise<void> {
    const all = [...this.#kept.values()];
    for (let from = 0; from < all.length; from += BATCH) {
      await Promise.all(
        all.slice(from, from + BATCH).map((kept) => {
          kept.isDirty = true;
          return this.#write(kept);
        }),
      );
    }
    this.#init.pages.rewrite();
    this.#deleteEnded();
  }

  #deleteEnded(): void {
    for (const [id, known] of this.#ended) void this.#delete(id, known);
  }

  async #refresh(): Promise<void> {
    const { store, times, pages } = this.#init;
    const begun = [...this.#kept.values()].filter(({ session }) => session.hasBegun);
    const keys = [...begun.map(({ key }) => key), ...pages.names];
    // While the engine is away nothing is refreshed, and all is written when it is back.
    if (keys.length > 0) await store.touch(keys, times.begunMs).catch(() => undefined);
  }

  async #noteEnd(kept: KeptSession, reason: CloseReason): Promise<void> {
    const { session, key, page } = kept;
    this.#init.pages.release(page, key);
    // Whoever had it come here says what becomes of the record.
    if (reason === "failed-to-open" && this.claims.has(session.id)) kept.isGivenAway = true;
    await kept.busy;
    if (this.#kept.get(session.id) === kept) this.#kept.delete(session.id);
    if (this.#kept.size === 0) this.#rest();
    if (!kept.isGivenAway) await this.#delete(session.id, kept);
  }

  /** Deletes the record of a session that has ended, now or when the engine is back. */
  async #delete(id: string, known: KnownRecord): Promise<void> {
    const { store } = this.#init;
    try {
      if (!(await store.take(known.key, known.version))) {
        const found = await store.read(known.key);
        const isMine =
          found !== undefined && !isSuperseded(known, found.record, this.#init.bus.node);
        if (isMine) await store.take(known.key, found.version);
      }
      this.#ended.delete(id);
    } catch {
      if (this.#ended.size < MAX_ENDED) this.#ended.set(id, known);
      this.#retrySoon();
    }
  }

  /** A session's record as it is now. */
  recordOf({ session, moves, page }: KeptSession): SessionRecord<LeftSession> {
    const { bus, rules } = this.#init;
    const facts = keptOf(session);
    if (session.journey?.record?.isWhole === false) this.#tellOfSize();
    const left = facts && { ...facts, lost: [], kept: undefined };
    return {
      ...{ home: bus.node, moves, page, transport: session.transport },
      standing: standingOfSession(session, rules),
      session: left,
    };
  }

  #tellOfSize(): void {
    if (this.#hasToldOfSize) return;
    this.#hasToldOfSize = true;
    this.#init.logger.warn(
      "A client says too much of itself: its session cannot go on at another node. This is said once.",
    );
  }

  #ttlOf({ session }: KeptSession): number {
    const { unbegunMs, begunMs } = this.#init.times;
    return session.hasBegun ? begunMs : unbegunMs;
  }
}

function ignore(): void {
  // Whoever waits for it hears of it.
}
