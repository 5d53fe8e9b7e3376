import { randomBytes } from "node:crypto";
import type { ClusterClock } from "./cluster-clock.js";
import { ClusterNames } from "./cluster-names.js";
import type { ClusterEngine, VersionedValue } from "./engine.js";
import type { SealBox } from "./seal-box.js";

/** The two keys whose names do not depend on what is in the first of them. */
const MARKER = "epoch";
const SETTLING = "settling";

/** Lives on while any node does, and long enough for all of them to be away. */
const MARKER_TTL_MS = 30 * 24 * 3_600_000;

const TOUCH_MS = 3_600_000;

/** As long as nodes take that are there and have lost the engine as well. */
const NEW_MS = 3_000;

/** What a look at the marker found out. */
export type EpochNews = "same" | "joined" | "emptied";

export interface EpochParts {
  readonly engine: ClusterEngine;
  readonly box: SealBox;
  readonly clock: ClusterClock;
  readonly leaseMs: number;
}

interface Marker {
  readonly epoch: string;
  /** What names are made with. */
  readonly names: string;
}

/**
 * Whether the engine still has what the nodes gave it: a marker, which is there until it is emptied.
 *
 * In it is also the key that names are made with. It is not the secret's, so that names stay the same while
 * nodes with the next secret come and those with the last one go.
 */
export class Epoch {
  readonly #parts: EpochParts;
  #marker: Marker | undefined;
  /** The marker as the engine has it. */
  #text: string | undefined;
  #names: ClusterNames | undefined;
  #touchedAt = 0;
  #settledAt = 0;
  #settling: string | undefined;

  constructor(parts: EpochParts) {
    this.#parts = parts;
  }

  /** `undefined` before the first look. */
  get names(): ClusterNames | undefined {
    return this.#names;
  }

  /** The key whose value is for {@link noteSettling}. */
  readonly settlingKey = SETTLING;

  /** Whether nodes have had the time to write down what they have. */
  get isSettled(): boolean {
    return this.#marker !== undefined && this.#parts.clock.steady() >= this.#settledAt;
  }

  /** Looks at the marker, and sets it where it is missing. @throws where it does not open. */
  async look(): Promise<EpochNews> {
    const { engine, clock } = this.#parts;
    const found = await engine.get(MARKER);
    if (found === undefined) return await this.#set();
    if (found.value !== this.#text) return await this.#adopt(found);
    if (clock.steady() - this.#touchedAt > TOUCH_MS) {
      this.#touchedAt = clock.steady();
      await engine.touch([MARKER], MARKER_TTL_MS);
    }
    return "same";
  }

  /** Whether the marker is still the one that was seen last. */
  async isUnchanged(): Promise<boolean> {
    const found = await this.#parts.engine.get(MARKER);
    return found !== undefined && found.value === this.#text;
  }

  /**
   * There is none: whatever others have is not written down. Nobody knows of them where this node has just
   * started, and they may have lost the engine at the same moment; so it gives them as long as that takes.
   */
  async #set(): Promise<EpochNews> {
    const { engine, box, leaseMs } = this.#parts;
    const before = this.#marker;
    const names = before?.names ?? randomBytes(32).toString("base64url");
    const marker = { epoch: randomBytes(16).toString("base64url"), names };
    const text = box.seal(JSON.stringify(marker), `key ${MARKER}`);
    if (before !== undefined) await this.#sayUnsettled();
    if (!(await engine.put(MARKER, text, 0, MARKER_TTL_MS))) return await this.look();
    this.#take(marker, text);
    const newMs = engine.isLocal === true ? 0 : Math.min(NEW_MS, leaseMs / 3);
    this.#settle(before === undefined ? newMs : leaseMs);
    return before === undefined ? "joined" : "emptied";
  }

  async #adopt(found: VersionedValue): Promise<EpochNews> {
    const { engine, box, leaseMs } = this.#parts;
    const marker = readMarker(box.open(found.value, `key ${MARKER}`));
    const before = this.#marker;
    let text = found.value;
    if (!box.isOfNewest(text)) {
      const renewed = box.seal(JSON.stringify(marker), `key ${MARKER}`);
      if (await engine.put(MARKER, renewed, found.version, MARKER_TTL_MS)) text = renewed;
    }
    this.#take(marker, text);
    if (before === undefined) return "joined";
    if (before.epoch === marker.epoch) return "same";
    await this.#sayUnsettled();
    this.#settle(leaseMs);
    return "emptied";
  }

  #take(marker: Marker, text: string): void {
    if (marker.names !== this.#marker?.names) {
      this.#names = new ClusterNames(Buffer.from(marker.names, "base64url"));
    }
    this.#marker = marker;
    this.#text = text;
    this.#touchedAt = this.#parts.clock.steady();
  }

  /** For nodes that see the new marker first, and have nothing to compare it with. */
  async #sayUnsettled(): Promise<void> {
    const { engine, leaseMs } = this.#parts;
    const value = randomBytes(8).toString("base64url");
    this.#settling = value;
    await engine.write([{ key: SETTLING, value, ttlMs: leaseMs }]);
  }

  /** What stands at {@link settlingKey}: somebody is still writing down what they have. */
  noteSettling(value: string | undefined): void {
    if (value !== undefined && value !== this.#settling) this.#settle(this.#parts.leaseMs);
    this.#settling = value;
  }

  #settle(ms: number): void {
    this.#settledAt = Math.max(this.#settledAt, this.#parts.clock.steady() + ms);
  }
}

/** @throws Error for one that does not open: another secret's, or another version's. It is left as it is. */
function readMarker(text: string | undefined): Marker {
  if (text === undefined)
    throw new Error("The cluster's marker does not open: is its secret another?");
  const { epoch, names } = JSON.parse(text) as Partial<Marker>;
  if (typeof epoch === "string" && typeof names === "string") return { epoch, names };
  throw new Error("The cluster's marker is another version's.");
}
