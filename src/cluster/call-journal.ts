import type { JsonRpcId } from "../shared/json-rpc.js";
import { settlesWithin } from "../shared/timeout.js";
import { OpenCalls, readPage, textOfPage } from "./call-page.js";
import type { CallPage, NotedCall } from "./call-page.js";
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

/** Whose calls, and where they are written down. */
export interface Noter {
  /** Of the session's record. */
  readonly key: string;
  readonly page: number;
  /** What stands there of it, as soon as it is known: so that it is not looked up with each call. */
  calls?: OpenCalls | undefined;
}

/** How many sessions share a page. What is sealed at a time costs about the same, whatever it is. */
const SESSIONS_PER_PAGE = 64;

/** How often is written while calls come, in milliseconds, where nobody waits for it: half as long costs a call 1 % more. */
const RECENT_MS = 50;

/**
 * How soon is written again where many wait: calls of that time share a writing. Of how many at a time that is
 * worth its time, since sealing and sending is most of what a writing costs.
 */
const REST_MS = 2;
const MANY = 4;

/** How soon it is written that a call is over. Who hears of it twice does not mind. */
const DONE_MS = 250;

/** How long a call waits to be written, in milliseconds: then the engine is slow, and nobody waits until it is not. */
const LONGEST_WAIT_MS = 1_000;

/** Longer ids of calls are not written down: a client may choose any. */
const MAX_ID_LENGTH = 256;

/**
 * Which calls of this node's sessions are open, in the engine, so that the next node can tell their clients
 * that they were lost. A call is open until its client is known to have the answer.
 *
 * Many sessions share one text, and one writing is under way at a time: what comes meanwhile shares the next. A
 * call that comes alone is written at once.
 */
export class CallJournal {
  readonly #init: CallJournalInit;
  readonly #pages = new Map<number, CallPage>();
  /** How many sessions have a page. */
  readonly #sessions = new Map<number, number>();
  readonly #dirty = new Set<number>();
  /** Pages that are in the engine. */
  readonly #written = new Set<number>();
  /** When is to be written, and when was last, on the clock of `performance.now()`. */
  #dueAt = Infinity;
  /** How long was to be waited for that when it was said. */
  #dueInMs = Infinity;
  #lastAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #isWriting = false;
  /** The writing that is under way, or the last. */
  #writing = Promise.resolve();
  #isStopped = false;
  /** How many calls have come since the last writing began, and how many had when it did. */
  #arrived = 0;
  #lastArrived = 0;
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
    const sessions = this.#pages.get(page);
    const hadCalls = sessions?.get(key)?.isEmpty === false;
    sessions?.delete(key);
    if (hadCalls) this.#noteDirty(page, DONE_MS);
    if (sessions?.size === 0 && left <= 0) this.#pages.delete(page);
  }

  /** A session's record has another name, which is written with all else. */
  rename(page: number, from: string, to: string): void {
    const sessions = this.#pages.get(page);
    const calls = sessions?.get(from);
    if (sessions === undefined || calls === undefined || from === to) return;
    sessions.delete(from);
    calls.key = to;
    sessions.set(to, calls);
  }

  /**
   * A call is open.
   *
   * @returns a promise that resolves when that is written, or cannot be now; `undefined` where nobody waits.
   */
  note(noter: Noter, id: JsonRpcId, place: number | undefined): Promise<void> | undefined {
    if (typeof id === "string" && id.length > MAX_ID_LENGTH) return undefined;
    const calls = (noter.calls ??= this.#callsOf(noter));
    calls.add(id, place);
    const { isExact, bus } = this.#init;
    this.#arrived++;
    this.#noteDirty(noter.page, isExact ? this.#restMs() : RECENT_MS);
    return isExact && bus.state !== "down" && !this.#isSlow ? this.#next.whenOver() : undefined;
  }

  /** Its client has the answer, or will not come for it. */
  done(noter: Noter, id: JsonRpcId): void {
    const { key, page } = noter;
    noter.calls ??= this.#pages.get(page)?.get(key);
    if (noter.calls?.delete(id) !== true) return;
    // An acknowledgement ends many.
    if (!this.#dirty.has(page)) this.#noteDirty(page, DONE_MS);
  }

  /** The open calls of a session that was at a node. @throws what the engine rejects with. */
  async read(node: string, page: number, key: string): Promise<readonly NotedCall[]> {
    const name = nameOf(node, page);
    const [sealed] = await this.#init.engine.read([name]);
    const text = sealed === undefined ? undefined : this.#init.box.open(sealed, name);
    return text === undefined ? [] : readPage(text, key);
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

  /** Writes what is still to be written, for the last time; what comes during a writing that takes too long is not. */
  async stop(): Promise<void> {
    await settlesWithin(LONGEST_WAIT_MS, this.#writing);
    await this.#write();
    this.#isStopped = true;
    this.#disarm();
    this.#next.end();
  }

  /** How long whoever waits may wait for others, in milliseconds. */
  #restMs(): number {
    return this.#lastArrived < MANY ? 0 : this.#lastAt + REST_MS - performance.now();
  }

  #callsOf({ key, page }: Noter): OpenCalls {
    const sessions: CallPage = this.#pages.get(page) ?? new Map<string, OpenCalls>();
    const calls = sessions.get(key) ?? new OpenCalls(key);
    this.#pages.set(page, sessions.set(key, calls));
    return calls;
  }

  #noteDirty(page: number, inMs: number): void {
    this.#dirty.add(page);
    // Most calls find a writing that is due sooner, and need not look at the clock.
    if (inMs >= this.#dueInMs) return;
    const at = performance.now() + inMs;
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    this.#dueInMs = inMs;
    if (!this.#isWriting) this.#arm(inMs);
  }

  #arm(inMs: number): void {
    this.#disarm();
    if (this.#isStopped) return;
    // A timer takes a millisecond at least.
    if (inMs <= 0) this.#immediate = setImmediate(() => void this.#write());
    else this.#timer = setTimeout(() => void this.#write(), inMs).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  /** Begins to write, unless that is under way. It never rejects: what could not be written is when the engine is back. */
  #write(): Promise<void> {
    this.#dueAt = this.#dueInMs = Infinity;
    const isDue = this.#dirty.size > 0 && !this.#isWriting;
    return isDue ? (this.#writing = this.#writeDirty()) : Promise.resolve();
  }

  async #writeDirty(): Promise<void> {
    const pages = [...this.#dirty];
    this.#dirty.clear();
    this.#lastAt = performance.now();
    this.#lastArrived = this.#arrived;
    this.#arrived = 0;
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
    const sessions = this.#pages.get(page);
    const text = sessions && textOfPage(sessions);
    if (text === undefined) {
      this.#written.delete(page);
      return { key, value: undefined, ttlMs };
    }
    this.#written.add(page);
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

function nameOf(node: string, page: number): string {
  return `c:${node}:${page}`;
}
