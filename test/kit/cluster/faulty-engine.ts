import type { ClusterConfig } from "../../../src/cluster/cluster-config.js";
import type {
  ClusterEngine,
  EngineWrite,
  SetIndex,
  VersionedValue,
} from "../../../src/cluster/engine.js";

/** What becomes of a message. `"hold"`: it waits for {@link EngineFaults.release}. */
export type Fate = "pass" | "drop" | "double" | "hold";

/** A cluster, and what is wrong with its engine. */
export interface FaultyCluster {
  readonly cluster: ClusterConfig;
  readonly faults: EngineFaults;
}

/**
 * Puts switches between routers and their engine. Routers that are given the same have the same
 * faults; wrap a cluster once for each router to have one node cut off and the others not.
 */
export function withFaults(cluster: ClusterConfig): FaultyCluster {
  const era = eraOf(cluster);
  const faults = new EngineFaults(era);
  const createEngine = () => new FaultyEngine(cluster.createEngine(), faults);
  return { cluster: { ...cluster, createEngine }, faults };
}

/** How often an engine has lost its keys; those that have the engine know it together. */
interface Era {
  number: number;
}

const eras = new WeakMap<ClusterConfig, Era>();

function eraOf(cluster: ClusterConfig): Era {
  const era = eras.get(cluster) ?? { number: 0 };
  eras.set(cluster, era);
  return era;
}

/** The switches; all are off at first. */
export class EngineFaults {
  /** Everything that is asked is rejected, and nothing arrives. */
  isAway = false;
  /** Nothing arrives; the rest works. */
  isDeaf = false;
  /** What is asked is done, and then rejected, as when the connection breaks in between. */
  losesAnswers = false;
  /** What becomes of each message that is sent here. */
  fateOf: (message: string) => Fate = () => "pass";
  /** What the answer to each look at a record waits for. */
  beforeGet: () => Promise<void> = () => Promise.resolve();
  /** What each change of a record waits for. */
  beforePut: () => Promise<void> = () => Promise.resolve();
  /** What each writing of what has no version waits for. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();
  readonly #held: (() => void)[] = [];
  readonly #era: Era;

  constructor(era: Era) {
    this.#era = era;
  }

  /** Forgets all keys and sets, for everybody: those of before are never seen again. */
  empty(): void {
    this.#era.number += 1;
  }

  /** How many messages are held. */
  get held(): number {
    return this.#held.length;
  }

  /** Sends what was held. @param order `"reversed"`: the last first. */
  release(order: "kept" | "reversed" = "kept"): void {
    const held = this.#held.splice(0);
    for (const send of order === "kept" ? held : held.toReversed()) send();
  }

  /** The name that a key or a set has by now. */
  nameOf(name: string): string {
    return this.#era.number === 0 ? name : `${this.#era.number}!${name}`;
  }

  /** Does what was asked, or not. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.isAway) throw new Error("the engine is away");
    const answer = await operation();
    if (this.losesAnswers) throw new Error("the answer was lost");
    return answer;
  }

  /** Sends as often as the message's fate says. @param sent what to say if it is not sent now. */
  async send<T>(message: string, send: () => Promise<T>, sent: T): Promise<T> {
    const fate = this.fateOf(message);
    if (fate === "hold") this.#held.push(() => void send().catch(() => undefined));
    if (fate === "hold" || fate === "drop") return sent;
    if (fate === "double") await send();
    return await send();
  }
}

class FaultyEngine implements ClusterEngine {
  readonly index: SetIndex;
  readonly #engine: ClusterEngine;
  readonly #faults: EngineFaults;

  constructor(engine: ClusterEngine, faults: EngineFaults) {
    this.#engine = engine;
    this.#faults = faults;
    const at = (set: string): string => faults.nameOf(set);
    this.index = {
      add: (set, ...rest) => faults.run(() => engine.index.add(at(set), ...rest)),
      remove: (set, name) => faults.run(() => engine.index.remove(at(set), name)),
      list: (set) => faults.run(() => engine.index.list(at(set))),
      addUnlessFull: (set, ...rest) =>
        faults.run(() => engine.index.addUnlessFull(at(set), ...rest)),
    };
  }

  join(node: string, hear: (message: string) => void): Promise<void> {
    const faults = this.#faults;
    const hearIfAble = (message: string): void => {
      if (!faults.isAway && !faults.isDeaf) hear(message);
    };
    return faults.run(() => this.#engine.join(node, hearIfAble));
  }

  send(node: string, message: string): Promise<"sent" | "nobody"> {
    const send = () => this.#engine.send(node, message);
    return this.#faults.run(() => this.#faults.send<"sent" | "nobody">(message, send, "sent"));
  }

  broadcast(message: string): Promise<void> {
    const send = () => this.#engine.broadcast(message);
    return this.#faults.run(() => this.#faults.send(message, send, undefined));
  }

  async get(key: string): Promise<VersionedValue | undefined> {
    await this.#faults.beforeGet();
    return await this.#faults.run(() => this.#engine.get(this.#faults.nameOf(key)));
  }

  async put(
    key: string,
    ...rest: [value: string, version: number, ttlMs: number]
  ): Promise<boolean> {
    await this.#faults.beforePut();
    return await this.#faults.run(() => this.#engine.put(this.#faults.nameOf(key), ...rest));
  }

  take(key: string, version: number): Promise<boolean> {
    return this.#faults.run(() => this.#engine.take(this.#faults.nameOf(key), version));
  }

  read(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return this.#faults.run(() => this.#engine.read(this.#namesOf(keys)));
  }

  async write(writes: readonly EngineWrite[]): Promise<void> {
    await this.#faults.beforeWrite();
    const named = writes.map((write) => ({ ...write, key: this.#faults.nameOf(write.key) }));
    await this.#faults.run(() => this.#engine.write(named));
  }

  touch(keys: readonly string[], ttlMs: number): Promise<void> {
    return this.#faults.run(() => this.#engine.touch(this.#namesOf(keys), ttlMs));
  }

  leave(): Promise<void> {
    return this.#engine.leave();
  }

  #namesOf(keys: readonly string[]): readonly string[] {
    return keys.map((key) => this.#faults.nameOf(key));
  }
}
