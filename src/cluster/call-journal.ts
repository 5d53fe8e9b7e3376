import type { JsonRpcId } from "../shared/json-rpc.js";
import type { ClusterBus } from "./cluster-bus.js";
import type { ClusterEngine, EngineWrite } from "./engine.js";
import type { Sealer } from "./record-store.js";

export interface CallJournalInit {
  readonly engine: ClusterEngine;
  readonly box: Sealer;
  readonly bus: Pick<ClusterBus, "node" | "state">;
  /** Whether whoever notes a call waits until that is written. */
  readonly isExact: boolean;
  /** How long a page lives without its node, in milliseconds. */
  readonly ttlMs: number;
}

/** A call that is open, and by which place its client comes back for the answer, if not by its session. */
export interface NotedCall {
  readonly id: JsonRpcId;
  readonly place: number | undefined;
}

/** Whose calls, and where they are written down. */
export interface Noter {
  /** Of the session's record. */
  readonly key: string;
  readonly page: number;
}

/** How many sessions share a page. What is sealed at a time costs about the same, whatever it is. */
const SESSIONS_PER_PAGE = 64;

/** How often is written while calls come, in milliseconds, where nobody waits for it. */
const RECENT_MS = 25;

/** How soon is written again where somebody waits: calls of that time share a writing. */
const REST_MS = 2;

/** How soon it is written that a call is over. Who hears of it twice does not mind. */
const DONE_MS = 250;

/** How long a call waits to be written, in milliseconds: then the engine is slow, and nobody waits until it is not. */
const LONGEST_WAIT_MS = 1_000;

/** Longer ids of calls are not written down: a client may choose any. */
const MAX_ID_LENGTH = 256;

/** The open calls of a page, by their sessions. */
type Page = Map<string, OpenCalls>;

/** By their ids, each with its place. */
type OpenCalls = Map<JsonRpcId, number | undefined>;

/**
 * Which calls of this node's sessions are open, in the engine, so that the next node can tell their clients
 * that they were lost. A call is open until its client is known to have the answer.
 *
 * Many sessions share one text, and all that comes in a short while is written at once: sealing is most of
 * what a writing costs.
 */
export class CallJournal {
  readonly #init: CallJournalInit;
  readonly #pages = new Map<number, Page>();
  /** How many sessions have a page. */
  readonly #sessions = new Map<number, number>();
  readonly #dirty = new Set<number>();
  /** Pages that are in the engine. */
  readonly #written = new Set<number>();
  /** When is to be written, and when was last, on the clock of `performance.now()`. */
  #dueAt = Infinity;
  #lastAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #isWriting = false;
  /** Who waits for the next writing. */
  #next = new Waiting();
  /** Whether the engine takes too long to be waited for. */
  #isSlow = false;

  constructor(init: CallJournalInit) {
    this.#init = init;
  }

  /** A page for one more session: the first that has room. */
  assign(): number {
    for (let page = 0; ; page++) {
      const count = this.#sessions.get(page) ?? 0;
      if (count >= SESSIONS_PER_PAGE) continue;
      this.#sessions.set(page, count + 1);
      return page;
    }
  }

  /** A session has ended. */
  release(page: number, key: string): void {
    const left = (this.#sessions.get(page) ?? 1) - 1;
    if (left > 0) this.#sessions.set(page, left);
    else this.#sessions.delete(page);
    if (this.#pages.get(page)?.delete(key) === true) this.#noteDirty(page, DONE_MS);
    if (this.#pages.get(page)?.size === 0 && left <= 0) this.#pages.delete(page);
  }

  /**
   * A call is open.
   *
   * @returns a promise that resolves when that is written, or cannot be now; `undefined` where nobody waits.
   */
  note({ key, page }: Noter, id: JsonRpcId, place: number | undefined): Promise<void> | undefined {
    if (String(id).length > MAX_ID_LENGTH) return undefined;
    this.#callsOf(page, key).set(id, place);
    const { isExact, bus } = this.#init;
    this.#noteDirty(page, isExact ? this.#lastAt + REST_MS - performance.now() : RECENT_MS);
    return isExact && bus.state !== "down" && !this.#isSlow ? this.#next.whenOver() : undefined;
  }

  /** Its client has the answer, or will not come for it. */
  done({ key, page }: Noter, id: JsonRpcId): void {
    const sessions = this.#pages.get(page);
    const calls = sessions?.get(key);
    if (calls?.delete(id) !== true) return;
    if (calls.size === 0) sessions?.delete(key);
    this.#noteDirty(page, DONE_MS);
  }

  /** The open calls of a session that was at a node. @throws what the engine rejects with. */
  async read(node: string, page: number, key: string): Promise<readonly NotedCall[]> {
    const name = nameOf(node, page);
    const [sealed] = await this.#init.engine.read([name]);
    const text = sealed === undefined ? undefined : this.#init.box.open(sealed, name);
    const sessions = text === undefined ? [] : (JSON.parse(text) as WrittenPage);
    const calls = sessions.find(([one]) => one === key)?.[1] ?? [];
    return calls.map(([id, place]) => ({ id, place: place ?? undefined }));
  }

  /** The engine may have lost everything, or this node has another name. */
  rewrite(): void {
    this.#written.clear();
    for (const page of this.#pages.keys()) this.#noteDirty(page, 0);
  }

  /** Names of what is in the engine, to be kept alive. */
  get names(): readonly string[] {
    return [...this.#written].map((page) => nameOf(this.#init.bus.node, page));
  }

  /** Writes what is still to be written, for the last time. */
  async stop(): Promise<void> {
    await this.#write();
    this.#disarm();
  }

  #callsOf(page: number, key: string): OpenCalls {
    const sessions: Page = this.#pages.get(page) ?? new Map<string, OpenCalls>();
    const calls: OpenCalls = sessions.get(key) ?? new Map<JsonRpcId, number | undefined>();
    this.#pages.set(page, sessions);
    sessions.set(key, calls);
    return calls;
  }

  #noteDirty(page: number, inMs: number): void {
    this.#dirty.add(page);
    const at = performance.now() + inMs;
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    if (!this.#isWriting) this.#arm(inMs);
  }

  #arm(inMs: number): void {
    this.#disarm();
    // A timer takes a millisecond at least.
    if (inMs <= 0) this.#immediate = setImmediate(() => void this.#write());
    else this.#timer = setTimeout(() => void this.#write(), inMs).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  /** Never rejects: what could not be written is written when the engine is back. */
  async #write(): Promise<void> {
    this.#dueAt = Infinity;
    const pages = [...this.#dirty];
    if (pages.length === 0 || this.#isWriting) return;
    this.#dirty.clear();
    this.#lastAt = performance.now();
    this.#isWriting = true;
    const waiting = this.#next;
    this.#next = new Waiting();
    const tooLong = setTimeout(() => {
      this.#isSlow = true;
      waiting.end();
      this.#next.end();
    }, LONGEST_WAIT_MS).unref();
    try {
      await this.#init.engine.write(pages.map((page) => this.#writeOf(page)));
      this.#isSlow = false;
    } catch {
      for (const page of pages) this.#noteDirty(page, LONGEST_WAIT_MS);
    }
    clearTimeout(tooLong);
    waiting.end();
    this.#isWriting = false;
    if (this.#dueAt < Infinity) this.#arm(this.#dueAt - performance.now());
  }

  #writeOf(page: number): EngineWrite {
    const { box, bus, ttlMs } = this.#init;
    const key = nameOf(bus.node, page);
    const sessions = [...(this.#pages.get(page) ?? [])].filter(([, calls]) => calls.size > 0);
    if (sessions.length === 0) {
      this.#written.delete(page);
      return { key, value: undefined, ttlMs };
    }
    this.#written.add(page);
    const text = JSON.stringify(sessions.map(([session, calls]) => [session, [...calls]]));
    return { key, value: box.seal(text, key), ttlMs };
  }
}

/** Some who wait for one thing. Most of the time there is nobody. */
class Waiting {
  #over: Promise<void> | undefined;
  #resolve: () => void = () => undefined;
  #hasEnded = false;

  whenOver(): Promise<void> | undefined {
    if (this.#hasEnded) return undefined;
    this.#over ??= new Promise((resolve) => (this.#resolve = resolve));
    return this.#over;
  }

  end(): void {
    this.#hasEnded = true;
    this.#resolve();
  }
}

/** Sessions by the names of their records, each with its calls; JSON has `null` for no place. */
type WrittenPage = readonly (readonly [string, readonly (readonly [JsonRpcId, number | null])[]])[];

function nameOf(node: string, page: number): string {
  return `c:${node}:${page}`;
}
