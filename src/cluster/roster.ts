import type { ClusterNode } from "./cluster-bus.js";
import type { ClusterClock } from "./cluster-clock.js";
import type { ClusterEngine } from "./engine.js";
import type { Epoch } from "./epoch.js";
import { openRecord, sealRecord } from "./node-record.js";
import type { KnownNode } from "./node-record.js";
import type { SealBox } from "./seal-box.js";

/** The set of all nodes. Whether one is there is said by its record: the set's times are dates, and machines differ in these. */
const INDEX = "nodes";
const INDEX_MS = 24 * 3_600_000;

const MAX_LEFT = 1_024;

export interface RosterParts {
  readonly engine: ClusterEngine;
  readonly box: SealBox;
  readonly clock: ClusterClock;
  readonly epoch: Epoch;
  readonly leaseMs: number;
  readonly node: string;
  /** A node has no record. @param wasThere whether it had one. */
  onGone(node: string, wasThere: boolean): void;
}

/** Who is there: this node's own record, and those of others as last looked up. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #others = new Map<string, KnownNode>();
  /** Those that said that they go: a look at them that was under way may find them still. */
  readonly #left = new Set<string>();
  isDraining = false;

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  nodes(): readonly ClusterNode[] {
    const { node } = this.#parts;
    const known = [...this.#others.values()].map(({ id, isDraining }) => ({ id, isDraining }));
    return [{ id: node, isDraining: this.isDraining }, ...known];
  }

  /** The others. */
  get others(): readonly string[] {
    return [...this.#others.keys()];
  }

  has(node: string): boolean {
    return this.#others.has(node);
  }

  /** Whether a node has said that it goes. */
  hasLeft(node: string): boolean {
    return this.#left.has(node);
  }

  /** Whether another node is known to speak no language of this one. */
  isForeign(node: string): boolean {
    return this.#others.get(node)?.isSpokenTo === false;
  }

  /** Writes down for another lease that this node is there. */
  async write(): Promise<void> {
    const { engine, box, clock, leaseMs, node } = this.#parts;
    const key = this.#keyOf(node);
    const value = sealRecord(box, key, this.isDraining);
    await Promise.all([
      engine.write([{ key, value, ttlMs: leaseMs }]),
      engine.index.add(this.#indexName, node, clock.date() + INDEX_MS),
    ]);
  }

  /** Looks up who is there. @param peers nodes that there are links with, whether they are in the set or not. */
  async refresh(peers: readonly string[]): Promise<void> {
    const { engine, epoch, node } = this.#parts;
    const listed = await engine.index.list(this.#indexName);
    const ids = [...new Set([...listed, ...peers, ...this.#others.keys()])];
    const asked = ids.filter((id) => id !== node);
    const keys = [epoch.settlingKey, ...asked.map((id) => this.#keyOf(id))];
    const [settling, ...records] = await engine.read(keys);
    epoch.noteSettling(settling);
    const missing = asked.filter((id, at) => !this.#isThere(id, records[at]));
    if (missing.length === 0 || !(await this.#isWhole())) return;
    for (const id of missing) this.#forget(id);
    await this.#tidy(listed.filter((id) => missing.includes(id)));
  }

  #isThere(id: string, sealed: string | undefined): boolean {
    if (this.#left.has(id)) return false;
    const known = openRecord(this.#parts.box, this.#keyOf(id), id, sealed);
    if (known !== undefined) this.#others.set(id, known);
    return known !== undefined;
  }

  /**
   * Whether a record that was not found is one that nobody has renewed. After the engine was emptied nodes
   * have to write theirs first; so it is asked after the look, not before.
   */
  async #isWhole(): Promise<boolean> {
    const { epoch } = this.#parts;
    return epoch.isSettled && (await epoch.isUnchanged());
  }

  /** One that comes back puts itself into the set again. */
  async #tidy(gone: readonly string[]): Promise<void> {
    const { index } = this.#parts.engine;
    await Promise.all(gone.map((id) => index.remove(this.#indexName, id)));
  }

  /** Whether another node's record is there now. @throws Error where that says nothing. */
  async look(node: string): Promise<boolean> {
    const [sealed] = await this.#parts.engine.read([this.#keyOf(node)]);
    if (this.#isThere(node, sealed)) return true;
    if (!this.#left.has(node) && !(await this.#isWhole())) throw new Error("It may be there.");
    this.#forget(node);
    return false;
  }

  noteDraining(node: string): void {
    const known = this.#others.get(node);
    if (known !== undefined) this.#others.set(node, { ...known, isDraining: true });
  }

  /** A node says that it goes. It never comes back: the next start is another node. */
  noteLeft(node: string): void {
    const [oldest] = this.#left;
    if (this.#left.size >= MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
    this.#left.add(node);
    this.#forget(node);
  }

  #forget(node: string): void {
    this.#parts.onGone(node, this.#others.delete(node));
  }

  /** Takes this node's record back. */
  async remove(): Promise<void> {
    const { engine, epoch, node } = this.#parts;
    if (epoch.names === undefined) return;
    await Promise.all([
      engine.write([{ key: this.#keyOf(node), value: undefined, ttlMs: 1 }]),
      engine.index.remove(this.#indexName, node),
    ]);
  }

  get #indexName(): string {
    return this.#name("nodes", INDEX);
  }

  #keyOf(node: string): string {
    return this.#name("node", node);
  }

  #name(kind: string, text: string): string {
    const { names } = this.#parts.epoch;
    if (names === undefined) throw new Error("The cluster was not joined yet.");
    return names.of(kind, text);
  }
}
