import type { ClusterBus } from "../cluster/cluster-bus.js";
import type { ClusterEngine } from "../cluster/engine.js";
import { askDirectory } from "../cluster/record-store.js";
import type { RouterSession } from "../http/router-session.js";
import type { CloseReason } from "../session/close-reason.js";
import type { ContinuationRules } from "../session/continuation.js";
import type { Requester } from "../session/requester.js";
import { standingOfSession } from "../session/session-standing.js";

export interface ReturnMarksInit {
  readonly bus: ClusterBus;
  readonly engine: Pick<ClusterEngine, "index">;
  readonly rules: ContinuationRules;
  /** How long what is written down counts, in milliseconds. */
  readonly ttlMs: number;
}

/** A session of this node, by what it is missed. */
interface Missed {
  /** Who may listen to it, as a digest. */
  readonly listen: string;
  marks: readonly string[];
}

/**
 * Which nodes have sessions whose clients would come back with a mark, so that one that does is asked at
 * every node, and one whose session is nowhere is not.
 *
 * In the engine there is a set for each mark of each standing. In it are the nodes that have such
 * sessions, and by their own names those sessions that no node has since they were handed over. So it is
 * as small as there are nodes, and changes only with the first and the last such session of one. Those of
 * a node that has died stay in it until their time is over: then clients are asked in vain.
 */
export class ReturnMarks {
  readonly #init: ReturnMarksInit;
  readonly #missed = new Map<RouterSession, Missed>();
  /** How many sessions of this node are in each set. */
  readonly #counts = new Map<string, number>();
  #refreshing: NodeJS.Timeout | undefined;

  constructor(init: ReturnMarksInit) {
    this.#init = init;
    init.bus.on("up", () => this.#writeAll());
    init.bus.on("emptied", () => this.#writeAll());
  }

  /** A session is here, or is known better by now. One that has not begun is not missed. */
  note(session: RouterSession): void {
    if (!session.hasBegun || session.closeReason !== undefined) return;
    const missed = this.#missed.get(session) ?? this.#begin(session);
    if (missed === undefined) return;
    const marks = marksOf(session);
    const before = missed.marks;
    missed.marks = marks;
    for (const mark of marks) if (!before.includes(mark)) this.#count(setFor(missed, mark), 1);
    for (const mark of before) if (!marks.includes(mark)) this.#count(setFor(missed, mark), -1);
    if (before.length > 0 || !session.isMoved) return;
    for (const mark of marks) this.#change("remove", setFor(missed, mark), session.id);
  }

  /**
   * Who may have a session that such a client is missing, this node excluded.
   *
   * @throws McpSseError 503 when nobody can tell.
   */
  async holders(mark: string, asker: Requester): Promise<readonly string[]> {
    const { bus, engine, rules } = this.#init;
    const standing = standingOfSession(asker, rules);
    if (standing === undefined) return [];
    const name = bus.nameOf(KIND, setFor(standing, mark));
    const all = await askDirectory(engine.index.list(name));
    return all.filter((holder) => holder !== bus.node);
  }

  stop(): void {
    clearInterval(this.#refreshing);
  }

  /** @returns `undefined` where only this node could tell whose it is. */
  #begin(session: RouterSession): Missed | undefined {
    const standing = standingOfSession(session, this.#init.rules);
    if (standing === undefined) return undefined;
    const missed: Missed = { listen: standing.listen, marks: [] };
    this.#missed.set(session, missed);
    session.onClosed((reason) => this.#end(session, missed, reason));
    this.#refreshing ??= setInterval(() => this.#writeAll(), this.#init.ttlMs / 4).unref();
    return missed;
  }

  #end(session: RouterSession, missed: Missed, reason: CloseReason): void {
    this.#missed.delete(session);
    for (const mark of missed.marks) {
      const set = setFor(missed, mark);
      // In this order: at no time does it seem that nobody has it.
      if (reason === "moved") this.#change("add", set, session.id);
      this.#count(set, -1);
    }
    if (this.#missed.size > 0) return;
    clearInterval(this.#refreshing);
    this.#refreshing = undefined;
  }

  #count(set: string, more: 1 | -1): void {
    const before = this.#counts.get(set) ?? 0;
    if (before + more === 0) this.#counts.delete(set);
    else this.#counts.set(set, before + more);
    if (before === 0) this.#change("add", set);
    else if (before + more === 0) this.#change("remove", set);
  }

  #writeAll(): void {
    for (const set of this.#counts.keys()) this.#change("add", set);
  }

  /** @param sessionId of one that is in a set by itself. Default: it is this node. */
  #change(how: "add" | "remove", set: string, sessionId?: string): void {
    const { bus, engine, ttlMs } = this.#init;
    try {
      const holder = sessionId === undefined ? bus.node : bus.nameOf("session", sessionId);
      const name = bus.nameOf(KIND, set);
      const changing =
        how === "add"
          ? engine.index.add(name, holder, Date.now() + ttlMs)
          : engine.index.remove(name, holder);
      // All is written again when the engine is back, and what was not taken out is over in time.
      changing.catch(() => undefined);
    } catch {
      // It was never there.
    }
  }
}

/** Of the sets, among all that is named. */
const KIND = "missed";

function setFor({ listen }: Pick<Missed, "listen">, mark: string): string {
  return `${listen}\n${mark}`;
}

function marksOf({ channel, request }: RouterSession): readonly string[] {
  return channel.luggage?.marks?.(request.headers) ?? [];
}
