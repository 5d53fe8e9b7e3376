import { hash } from "node:crypto";
import type { ClusterBus } from "../cluster/cluster-bus.js";
import type { ClusterLimits } from "../cluster/cluster-limits.js";
import type { CallJournal } from "../cluster/call-journal.js";
import type { FoundRecord, RecordStore } from "../cluster/record-store.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { MessageExtra } from "../http/mcp-transport.js";
import type { LeftSession } from "../http/moved-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { Shutdown } from "../http/shutdown.js";
import type { TransportRoute } from "../http/transport.js";
import { McpSseError } from "../shared/errors.js";
import type { KnownRecord } from "./kept-session.js";
import type { KeptSessions, RouterRecord } from "./kept-sessions.js";

export interface AdoptionsInit {
  readonly bus: ClusterBus;
  readonly store: RecordStore<LeftSession>;
  readonly shutdown: Shutdown;
  /** Whether sessions go on at another node at all. */
  readonly move: boolean;
  readonly ttlMs: number;
  readonly kept: KeptSessions;
  readonly journal: CallJournal;
  /** Who must not go on, and who hears of what does. */
  readonly limits: Pick<ClusterLimits<MessageExtra>, "revocations" | "view">;
}

/** For which request a session goes on, and by which route. */
export interface Occasion {
  readonly request: AdmittedRequest;
  readonly route: TransportRoute;
}

/** Of how many sessions it is remembered that they could not go on here. */
const MAX_NOBODYS = 10_000;

/**
 * Goes on, in this node, with sessions that no other has any more. Whoever changes the record from what it
 * was when it was looked up has the session; all others look again.
 */
export class Adoptions {
  readonly #init: AdoptionsInit;
  /** By the session's id: what is about to come here, or to leave. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** Ids of sessions whose records say that they are here, since nobody could write down that they are nowhere. */
  readonly #nobodys = new Set<string>();

  constructor(init: AdoptionsInit) {
    this.#init = init;
  }

  /** Whether this node takes no sessions any more. */
  get isClosing(): boolean {
    return this.#init.shutdown.hasBegun;
  }

  /** Resolves when a session neither comes nor leaves. */
  async underWay(id: string): Promise<void> {
    await this.#underWay.get(id)?.catch(() => undefined);
  }

  /** Resolves when no session does any more. */
  async whenStill(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay.values());
  }

  /** Notes that a session comes, or leaves, until `work` has settled. */
  async whileUnderWay<T>(id: string, work: Promise<T>): Promise<T> {
    this.#underWay.set(id, work);
    try {
      return await work;
    } finally {
      if (this.#underWay.get(id) === work) this.#underWay.delete(id);
    }
  }

  /** Whether a session could not go on here, and that could not be written down. */
  isNobodys(id: string): boolean {
    return this.#nobodys.has(id);
  }

  canMove({ session }: RouterRecord): boolean {
    return this.#init.move && session !== undefined;
  }

  /** A node that is not being closed: the same for all who ask for a session, so that they do not compete. */
  nodeThatStays(id: string): string | undefined {
    const { bus } = this.#init;
    const weigh = (node: string): string => hash("sha256", `${id} ${node}`, "hex");
    const staying = bus.nodes().filter((node) => !node.isDraining && node.id !== bus.node);
    const [first] = staying.map((node) => node.id).sort((a, b) => (weigh(a) < weigh(b) ? -1 : 1));
    return first;
  }

  /**
   * Goes on with a session here.
   *
   * @returns `"taken"` where its record has changed: somebody else may have it; `undefined` where nobody can
   * go on with it.
   * @throws McpSseError where it could not be done now; another request may try.
   */
  async adopt(
    id: string,
    found: FoundRecord<LeftSession>,
    occasion: Occasion,
  ): Promise<RouterSession | "taken" | undefined> {
    if (this.#underWay.has(id)) return "taken";
    return await this.whileUnderWay(id, this.#adopt(id, found, occasion));
  }

  async #adopt(
    id: string,
    { key, version, record }: FoundRecord<LeftSession>,
    { request, route }: Occasion,
  ): Promise<RouterSession | "taken" | undefined> {
    const { bus, store, ttlMs, kept, journal, limits } = this.#init;
    const before = record.session;
    if (before === undefined || route.adopt === undefined) return undefined;
    // Whoever may go on with a session is its owner.
    if (await limits.revocations.isRevoked(request.caller, before.openedAt)) {
      await store.take(key, version);
      return undefined;
    }
    // What was open is a part of the record from now on, and not lost if this node goes, too.
    const open = record.home === undefined ? [] : await journal.read(record.home, record.page, key);
    const left: LeftSession = { ...before, lost: [...before.lost, ...open] };
    const page = journal.assign();
    const claim = { ...record, home: bus.node, moves: record.moves + 1, page, session: left };
    const known = { key, version: version + 1, moves: claim.moves, page };
    const isMine = await store.put(key, claim, version, ttlMs);
    this.#nobodys.delete(id);
    if (!isMine) {
      journal.release(page, key);
      return "taken";
    }
    kept.claims.set(id, known);
    bus.tell(["moved", id]);
    try {
      const session = await route.adopt(
        { ...left, moves: claim.moves, from: record.home },
        request,
      );
      for (const call of left.lost) void journal.note(known, call.id, call.place);
      limits.view.noteMoved(session, record.home);
      return session;
    } catch (error) {
      journal.release(page, key);
      const isOver = error instanceof McpSseError && error.status === 404;
      const left = isOver ? undefined : { ...claim, home: undefined };
      // What another node has gone on with meanwhile is not over.
      if (!(await this.#giveUp(id, known, left))) return "taken";
      if (isOver) return undefined;
      throw error;
    } finally {
      kept.claims.delete(id);
      kept.noteChange(id);
    }
  }

  /**
   * A session could not be gone on with: its record says so, or is gone.
   *
   * @returns whether it was still this node's.
   */
  async #giveUp(
    id: string,
    { key, version }: KnownRecord,
    record: RouterRecord | undefined,
  ): Promise<boolean> {
    const { store, ttlMs } = this.#init;
    try {
      if (record === undefined) return await store.take(key, version);
      return await store.put(key, record, version, ttlMs);
    } catch {
      if (record !== undefined && this.#nobodys.size < MAX_NOBODYS) this.#nobodys.add(id);
      return true;
    }
  }
}
