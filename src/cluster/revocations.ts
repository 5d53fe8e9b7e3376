import type { Principal } from "../auth/principal.js";
import type { CloseReason } from "../session/close-reason.js";
import type { PrincipalTest } from "../session/session-registry.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import type { ClusterBus } from "./cluster-bus.js";
import type { ClusterEngine } from "./engine.js";
import { isRevoked, MARK_TTL_MS, marksOf, marksOn, writeMark } from "./revocation-mark.js";
import { GATHER_MS } from "./router-cluster.js";
import type { ClosedSessions } from "./router-cluster.js";
import { isMeant, readWhose } from "./whose.js";
import type { Owner, Whose } from "./whose.js";

/** What is ended: a session, or a request of 2026-07-28. */
export interface Revocable extends Owner {
  /** In milliseconds since the epoch. */
  readonly openedAt: number;
  end(reason: CloseReason): void;
}

/** What is here. A `LocalSessionRegistry` is one. */
export interface RevocableSessions {
  all(): readonly Revocable[];
  /** @returns how many. */
  revokeOwner(ownerKey: string): number;
  /** @returns how many. */
  revokeWhere(isMeant: PrincipalTest<Principal | undefined>): number;
}

export interface RevocationsInit {
  readonly bus: ClusterBus;
  readonly engine: Pick<ClusterEngine, "read" | "write">;
  /** The engine's key for a mark. */
  readonly keyOf: (mark: string) => string;
  readonly sessions: RevocableSessions;
  /** Has every caller verified anew. */
  readonly forgetCallers: () => void;
  readonly logger: Logger;
}

/** Marks that are read, or written, in one exchange with the engine. */
const BATCH = 500;

/** After how long marks that could not be written are tried once more, in milliseconds. */
const RETRY_MS = 1_000;

/** Marks that wait for the engine. */
const MAX_WAITING = 10_000;

/**
 * Ends everything of somebody in all nodes: here at once, at those that answer before the promise is kept,
 * and at the others when they are back. A mark in the directory says so to whoever opens a session, or goes
 * on with one, on the strength of what was verified before.
 *
 * That nobody slips through: a mark is written before nodes are asked, and a session is counted before its
 * mark is read. So either its node ends it when it is asked, or it finds the mark.
 */
export class Revocations {
  readonly #init: RevocationsInit;
  /** Since when something counts that could not be written down yet, by its mark. */
  readonly #waiting = new Map<string, number>();
  /** Whether nodes did not answer. They may have to be told once more, when this one is back. */
  #isUntold = false;
  #isStopped = false;
  #retrying: NodeJS.Timeout | undefined;

  constructor(init: RevocationsInit) {
    this.#init = init;
    const { bus } = init;
    bus.onQuestion("revoke", ([, whose]) => this.#endAsAsked(whose));
    bus.onQuestion("principals", () => this.#principals());
    bus.onExchange("marks", (_opening, exchange) => {
      exchange.end();
      void this.#catchUp();
    });
    bus.on("up", () => void this.#catchUp());
    bus.on("lapsed", () => void this.#catchUp());
  }

  /** See `ClusterSessions.closeFor`. */
  async closeFor(whose: Whose): Promise<ClosedSessions> {
    const here = this.#endHere(whose);
    const isMarked = await this.#mark(whose);
    const { bus, logger } = this.#init;
    const { answers, unreached } = await bus.gather(["revoke", whose], GATHER_MS);
    const counts = [...answers].filter((answer): answer is [string, number] => isCount(answer[1]));
    const told = counts.map(([node]) => node);
    const missing = [...unreached, ...[...answers.keys()].filter((node) => !told.includes(node))];
    if (missing.length > 0 || !isMarked) {
      // The question is on its way as long as both sides are in touch.
      this.#isUntold = true;
      logger.warn(
        `sessions were to be ended in all nodes, and ${missing.length} did not answer: they end what they have when they are back`,
      );
    }
    return {
      closed: counts.reduce((sum, [, count]) => sum + count, here),
      nodes: [bus.node, ...told],
      unreached: missing,
    };
  }

  /** The same for whoever a function means, of those whom the nodes know. */
  async closeWhere(test: PrincipalTest<Principal | undefined>): Promise<ClosedSessions> {
    const { bus, sessions } = this.#init;
    const isMeantHere = sessions.all().filter(({ principal }) => test(principal));
    const keys = new Set(isMeantHere.map(({ ownerKey }) => ownerKey));
    const here = sessions.revokeWhere(test);
    const { answers, unreached } = await bus.gather(["principals"], GATHER_MS);
    for (const { ownerKey, principal } of [...answers.values()].flatMap(readOwners)) {
      if (test(principal)) keys.add(ownerKey);
    }
    const {
      closed,
      nodes,
      unreached: missing,
    } = await this.closeFor({
      kind: "owners",
      keys: [...keys],
    });
    const all = new Set([...unreached, ...missing]);
    return {
      closed: here + closed,
      nodes: nodes.filter((node) => !all.has(node)),
      unreached: [...all],
    };
  }

  /**
   * Whether everything of somebody was ended after something of theirs began.
   *
   * @param since in milliseconds since the epoch.
   * @throws McpSseError 503 when nobody can tell.
   */
  async isRevoked(owner: Owner, since: number): Promise<boolean> {
    const { engine, keyOf } = this.#init;
    const marks = marksOn(owner);
    if (marks.some((mark) => since <= (this.#waiting.get(mark) ?? -Infinity))) return true;
    try {
      return isRevoked(await engine.read(marks.map(keyOf)), since);
    } catch (cause) {
      throw nobodyCanTell(cause);
    }
  }

  /** Ends something if that is so. @returns whether it did. @throws McpSseError 503 when nobody can tell. */
  async endIfRevoked(one: Revocable, since = one.openedAt): Promise<boolean> {
    const isOver = await this.isRevoked(one, Math.min(since, one.openedAt));
    if (isOver) one.end("revoked");
    return isOver;
  }

  #endHere(whose: Whose): number {
    const { sessions } = this.#init;
    if (whose.kind === "named") {
      return sessions.revokeWhere((principal) => isMeant(whose, { ownerKey: "", principal }));
    }
    return whose.keys.reduce((sum, key) => sum + sessions.revokeOwner(key), 0);
  }

  /** @throws TypeError for a question that is not understood: that is no answer. */
  #endAsAsked(asked: unknown): number {
    const whose = readWhose(asked);
    if (whose === undefined) throw new TypeError("whose?");
    return this.#endHere(whose);
  }

  /** Everybody who has something here, each once. */
  #principals(): readonly (readonly [string, Principal | null])[] {
    const found = new Map<Principal | string, readonly [string, Principal | null]>();
    for (const { ownerKey, principal } of this.#init.sessions.all()) {
      found.set(principal ?? ownerKey, [ownerKey, principal ?? null]);
    }
    return [...found.values()];
  }

  /** @returns whether it is written. If not, that is done when it can be. */
  async #mark(whose: Whose): Promise<boolean> {
    const now = Date.now();
    for (const mark of marksOf(whose)) this.#waiting.set(mark, now);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break;
      this.#waiting.delete(oldest);
    }
    return await this.#writeMarks();
  }

  async #writeMarks(): Promise<boolean> {
    const { engine, keyOf } = this.#init;
    const waiting = [...this.#waiting];
    try {
      for (const some of inBatches(waiting)) {
        const writes = some.map(([mark, at]) => ({
          key: keyOf(mark),
          value: writeMark(at),
          ttlMs: MARK_TTL_MS,
        }));
        await engine.write(writes);
        for (const [mark, at] of some) {
          if (this.#waiting.get(mark) === at) this.#waiting.delete(mark);
        }
      }
      return true;
    } catch {
      this.#retrySoon();
      return false;
    }
  }

  /** Tries nothing any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retrying);
  }

  #retrySoon(): void {
    if (this.#isStopped) return;
    this.#retrying ??= setTimeout(() => {
      this.#retrying = undefined;
      void this.#catchUp();
    }, RETRY_MS).unref();
  }

  /**
   * Ends what others have ended while this node could not be told, and has others end what this one could
   * not tell them. What fails now is done when the engine is there again.
   */
  async #catchUp(): Promise<void> {
    const { bus, engine, keyOf, sessions, forgetCallers } = this.#init;
    if (!(await this.#writeMarks())) return;
    if (this.#isUntold)
      for (const { id } of bus.nodes()) if (id !== bus.node) bus.open(id, ["marks"]);
    this.#isUntold = false;
    // Also where nothing is here now: they may begin something with what was verified before.
    forgetCallers();
    const all = sessions.all();
    const marked = new Map<string, string | undefined>();
    for (const some of inBatches([...new Set(all.flatMap(marksOn))])) {
      const values = await engine.read(some.map(keyOf)).catch(() => undefined);
      if (values === undefined) this.#retrySoon();
      values?.forEach((value, index) => marked.set(some[index] ?? "", value));
    }
    for (const session of all) {
      const marks = marksOn(session).map((mark) => marked.get(mark));
      if (isRevoked(marks, session.openedAt)) session.end("revoked");
    }
  }
}

function* inBatches<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let from = 0; from < all.length; from += BATCH) yield all.slice(from, from + BATCH);
}

function isCount(answer: unknown): answer is number {
  return typeof answer === "number" && Number.isSafeInteger(answer) && answer >= 0;
}

/** What a node answered to `principals`. */
function readOwners(answer: unknown): readonly Owner[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((entry: unknown) => {
    const [ownerKey, principal] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    if (typeof ownerKey !== "string") return [];
    return [{ ownerKey, principal: (principal ?? undefined) as Principal | undefined }];
  });
}

function nobodyCanTell(cause: unknown): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "Whose sessions have ended cannot be told now.",
    {
      headers: retryAfter(1),
      cause,
    },
  );
}
