import type { ClusterBus } from "../cluster/cluster-bus.js";
import { directoryIsAway } from "../cluster/record-store.js";
import type { Revocations } from "../cluster/revocations.js";
import type { RouterSession } from "../http/router-session.js";
import type { KeptSessions } from "./kept-sessions.js";
import type { KeptSession } from "./kept-session.js";

export interface CertaintyInit {
  readonly bus: ClusterBus;
  readonly kept: KeptSessions;
  readonly relayTimeoutMs: number;
  readonly limits: { readonly revocations: Pick<Revocations, "endIfRevoked"> };
}

/** How many sessions are looked up at a time. */
const BATCH = 64;

/**
 * Whether what is in this node is still its own.
 *
 * Security decision: a node that was out of touch for longer than its lease, because it was stopped, or its
 * machine slept, does not use a session before it has looked up that no other node has gone on with it. One
 * that has seen the engine go goes on with what it has: nobody can take anything over without the engine.
 */
export class Certainty {
  readonly #init: CertaintyInit;
  #unsure = 0;
  /** Whether the engine is away, and this node noticed that while it still held its lease. */
  #hasSeenItGo = false;

  constructor(init: CertaintyInit) {
    this.#init = init;
    const { bus } = init;
    bus.on("down", () => (this.#hasSeenItGo = bus.holdsLease));
    bus.on("up", () => (this.#hasSeenItGo = false));
    bus.on("lapsed", () => void this.#confirmAll());
  }

  /** See `SessionKeeper.isCertain`. */
  get isCertain(): boolean {
    return this.#unsure === 0 && this.#init.bus.holdsLease;
  }

  /** See `SessionKeeper.confirm`. */
  async confirm(session: RouterSession): Promise<boolean> {
    const { bus, kept: all, relayTimeoutMs } = this.#init;
    const kept = all.get(session.id);
    if (kept === undefined || (kept.isSure && bus.holdsLease)) return session.state !== "closed";
    if (this.#hasSeenItGo) return session.state !== "closed";
    if (!(await bus.whenUp(relayTimeoutMs))) throw directoryIsAway(bus.trouble);
    return await this.#look(kept);
  }

  async #confirmAll(): Promise<void> {
    const all = [...this.#init.kept.all()];
    for (const kept of all) this.#note(kept, false);
    for (let from = 0; from < all.length; from += BATCH) {
      // What cannot be looked up now is when somebody asks for it.
      const looks = all.slice(from, from + BATCH).map((kept) => this.#look(kept));
      await Promise.allSettled(looks);
    }
  }

  async #look(kept: KeptSession): Promise<boolean> {
    const { bus, kept: all, limits } = this.#init;
    const isOwn = kept.session.closeReason === undefined && (await all.reconcile(kept));
    // It may have been ended in all nodes while this one could not be told.
    const isHere = isOwn && !(await limits.revocations.endIfRevoked(kept.session));
    // Without a lease somebody may take it in the next moment.
    this.#note(kept, !isHere || bus.holdsLease);
    return isHere;
  }

  #note(kept: KeptSession, isSure: boolean): void {
    if (kept.isSure === isSure) return;
    kept.isSure = isSure;
    this.#unsure += isSure ? -1 : 1;
  }
}
