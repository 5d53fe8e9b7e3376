import type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "./engine.js";

interface Entry {
  readonly value: string;
  /** 0 for one that was written without a version. */
  readonly version: number;
  /** On the clock of `performance.now()`. */
  until: number;
}

/** What the engines of one process share: who hears, what is written down, and the sets. */
export class MemoryHub {
  readonly hearers = new Map<string, (message: string) => void>();
  readonly #entries = new Map<string, Entry>();
  readonly #sets = new Map<string, Map<string, number>>();
  /** Entries that there may be before those whose time is over are looked for. */
  #sweepAt = 1_024;

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || performance.now() < entry.until) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: string, version: number, ttlMs: number): void {
    this.#entries.set(key, { value, version, until: performance.now() + ttlMs });
    if (this.#entries.size > this.#sweepAt) this.#sweep();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** The names of a set whose time is not over, each with its time; `undefined` where there is none. */
  members(set: string): Map<string, number> | undefined {
    const members = this.#sets.get(set);
    const now = Date.now();
    for (const [name, until] of members ?? []) if (until <= now) members?.delete(name);
    if (members?.size === 0) this.#sets.delete(set);
    return this.#sets.get(set);
  }

  addMember(set: string, name: string, untilMs: number): void {
    const members = this.#sets.get(set);
    if (members === undefined) this.#sets.set(set, new Map([[name, untilMs]]));
    else members.set(name, untilMs);
  }

  removeMember(set: string, name: string): void {
    this.#sets.get(set)?.delete(name);
    this.members(set);
  }

  #sweep(): void {
    for (const key of this.#entries.keys()) this.get(key);
    for (const set of this.#sets.keys()) this.members(set);
    this.#sweepAt = Math.max(1_024, 2 * this.#entries.size);
  }
}

/**
 * An engine for routers of one process. What is sent arrives at another turn of the event loop, in
 * order, as it would over a network; each operation is done at once, so all of them are atomic.
 */
export class MemoryEngine implements ClusterEngine {
  readonly index: SetIndex;
  readonly isLocal = true;
  readonly #hub: MemoryHub;
  #node: string | undefined;

  constructor(hub: MemoryHub) {
    this.#hub = hub;
    this.index = new MemoryIndex(hub);
  }

  async join(node: string, hear: (message: string) => void): Promise<void> {
    this.#node = node;
    this.#hub.hearers.set(node, hear);
  }

  async send(node: string, message: string): Promise<"sent" | "nobody"> {
    if (!this.#hub.hearers.has(node)) return "nobody";
    this.#deliver(node, message);
    return "sent";
  }

  async broadcast(message: string): Promise<void> {
    for (const node of this.#hub.hearers.keys()) this.#deliver(node, message);
  }

  #deliver(node: string, message: string): void {
    setImmediate(() => this.#hub.hearers.get(node)?.(message));
  }

  async get(key: string): Promise<VersionedValue | undefined> {
    const entry = this.#hub.get(key);
    return entry && { value: entry.value, version: entry.version };
  }

  async put(key: string, value: string, version: number, ttlMs: number): Promise<boolean> {
    if ((this.#hub.get(key)?.version ?? 0) !== version) return false;
    this.#hub.set(key, value, version + 1, ttlMs);
    return true;
  }

  async take(key: string, version: number): Promise<boolean> {
    if (this.#hub.get(key)?.version !== version) return false;
    this.#hub.delete(key);
    return true;
  }

  async read(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return keys.map((key) => this.#hub.get(key)?.value);
  }

  async write(writes: readonly EngineWrite[]): Promise<void> {
    for (const { key, value, ttlMs } of writes) {
      if (value === undefined) this.#hub.delete(key);
      else this.#hub.set(key, value, 0, ttlMs);
    }
  }

  async touch(keys: readonly string[], ttlMs: number): Promise<void> {
    const until = performance.now() + ttlMs;
    for (const entry of keys.map((key) => this.#hub.get(key))) if (entry) entry.until = until;
  }

  async leave(): Promise<void> {
    if (this.#node !== undefined) this.#hub.hearers.delete(this.#node);
  }
}

class MemoryIndex implements SetIndex {
  readonly #hub: MemoryHub;

  constructor(hub: MemoryHub) {
    this.#hub = hub;
  }

  async add(set: string, name: string, untilMs: number): Promise<void> {
    this.#hub.addMember(set, name, untilMs);
  }

  async remove(set: string, name: string): Promise<void> {
    this.#hub.removeMember(set, name);
  }

  async list(set: string): Promise<readonly string[]> {
    return [...(this.#hub.members(set)?.keys() ?? [])];
  }

  async addUnlessFull(set: string, name: string, untilMs: number, max: number): Promise<boolean> {
    const members = this.#hub.members(set);
    const others = (members?.size ?? 0) - (members?.has(name) === true ? 1 : 0);
    if (others >= max) return false;
    this.#hub.addMember(set, name, untilMs);
    return true;
  }
}
