import type { CallJournal } from "../cluster/call-journal.js";
import type { ClusterBus } from "../cluster/cluster-bus.js";
import type { ClusterLimits } from "../cluster/cluster-limits.js";
import type { RecordStore } from "../cluster/record-store.js";
import type { MessageExtra } from "../http/mcp-transport.js";
import type { LeftSession } from "../http/moved-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { SessionKeeper } from "../http/session-keeper.js";
import { mayHaveBeenDone } from "../session/session-end.js";
import { McpSseError } from "../shared/errors.js";
import type { PendingWork } from "../shared/pending-work.js";
import type { Adoptions } from "./adoptions.js";
import { Certainty } from "./certainty.js";
import type { KeptSession } from "./kept-session.js";
import type { KeptSessions, RouterRecord } from "./kept-sessions.js";
import type { RequestRelay } from "./request-relay.js";

export interface NodeKeeperInit {
  readonly bus: ClusterBus;
  readonly store: RecordStore<LeftSession>;
  readonly kept: KeptSessions;
  readonly journal: CallJournal;
  readonly adoptions: Adoptions;
  readonly relayTimeoutMs: number;
  /** Whether sessions go on at other nodes. */
  readonly move: boolean;
  /** How long a record lives without a node, in milliseconds. */
  readonly ttlMs: number;
  readonly limits: Pick<ClusterLimits<MessageExtra>, "revocations" | "stop">;
  readonly relay: Pick<RequestRelay, "endStreams">;
}

/** How often it is tried to write down that a session has left. */
const MAX_TRIES = 20;

/** How long is rested between two of them, in milliseconds. */
const REST_MS = 250;

/** Makes this node's sessions known: see {@link SessionKeeper}. */
export class NodeKeeper implements SessionKeeper {
  readonly #init: NodeKeeperInit;
  readonly #certainty: Certainty;
  #hasJoined = false;

  constructor(init: NodeKeeperInit) {
    this.#init = init;
    this.#certainty = new Certainty(init);
  }

  get isCertain(): boolean {
    return this.#certainty.isCertain;
  }

  join(): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    this.#init.bus.start();
  }

  async ready(): Promise<void> {
    const { bus, relayTimeoutMs } = this.#init;
    this.join();
    if (!(await bus.whenUp(relayTimeoutMs))) throw clusterIsAway(bus.trouble);
  }

  get movesSessions(): boolean {
    return this.#init.move;
  }

  async confirm(session: RouterSession): Promise<boolean> {
    return await this.#certainty.confirm(session);
  }

  async register(session: RouterSession, since: number): Promise<void> {
    const { kept, journal, move, limits } = this.#init;
    await kept.register(session);
    if (await limits.revocations.endIfRevoked(session, since)) return;
    const noter = kept.get(session.id);
    if (noter === undefined || !move) return;
    const confirm = (): Promise<void> | undefined => this.#confirmTaken(session);
    session.callWatch = {
      // One that its client would not come back for is lost with its connection.
      opened: (id, place) => {
        const noted = session.channel.luggage && journal.note(noter, id, place);
        return noted?.then(confirm);
      },
      over: (id) => journal.done(noter, id),
    };
  }

  drain(): void {
    this.#init.bus.drain();
  }

  async handOver(session: RouterSession, leave: () => LeftSession | undefined): Promise<boolean> {
    const { adoptions, kept: all } = this.#init;
    const kept = all.get(session.id);
    if (kept === undefined) return false;
    return await adoptions.whileUnderWay(session.id, this.#handOver(kept, leave));
  }

  async whenStill(): Promise<void> {
    await this.#init.adoptions.whenStill();
  }

  async stop(timeoutMs: number, relayed: PendingWork): Promise<void> {
    const { bus, kept, journal, limits, relay } = this.#init;
    await journal.stop();
    limits.stop();
    relay.endStreams();
    await bus.stop(timeoutMs, relayed);
    kept.stop();
  }

  /**
   * Another node may have gone on with the session before it could read of a call that was just written down.
   *
   * @returns a promise only where that has to be looked up. It rejects with an McpSseError where the other did, or
   * nobody can tell: then the call may have been done.
   */
  #confirmTaken(session: RouterSession): Promise<void> | undefined {
    const isLost = session.closeReason === "superseded";
    if (!isLost && this.isCertain) return undefined;
    return this.#confirmHere(session, isLost);
  }

  async #confirmHere(session: RouterSession, isLost: boolean): Promise<void> {
    const isHere = !isLost && (await this.confirm(session).catch(() => false));
    if (!isHere && session.closeReason !== "moved") throw mayHaveBeenDone();
  }

  /** Not before it is certain that the directory can be told, since nothing is taken back. */
  async #handOver(kept: KeptSession, leave: () => LeftSession | undefined): Promise<boolean> {
    const { kept: all } = this.#init;
    await kept.busy;
    const isHere = await all.reconcile(kept).catch(() => false);
    if (!isHere || kept.session.closeReason !== undefined) return false;
    kept.isGivenAway = true;
    const left = leave();
    kept.isGivenAway = left !== undefined;
    if (left === undefined) return false;
    await this.#writeLeft(kept, left);
    return true;
  }

  async #writeLeft(kept: KeptSession, left: LeftSession): Promise<void> {
    const { store, ttlMs, kept: all } = this.#init;
    const record: RouterRecord = { ...all.recordOf(kept), home: undefined, session: left };
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      try {
        if (await store.put(kept.key, record, kept.version, ttlMs)) return;
        // Written before the answer was lost, or taken over.
        const found = await store.read(kept.key);
        if (found !== undefined && found.record.home !== this.#init.bus.node) return;
        kept.version = found?.version ?? 0;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
    }
  }
}

/** For the application, which is not told by an answer. */
function clusterIsAway(cause: unknown): McpSseError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new McpSseError("temporarily_unavailable", `The cluster cannot be reached${why}`, {
    cause,
  });
}
