import { randomBytes, randomInt } from "node:crypto";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import { momentOf } from "./cluster-clock.js";
import type { ClusterClock, Moment } from "./cluster-clock.js";
import type { ClusterEngine } from "./engine.js";
import type { Envelopes } from "./envelope.js";
import { within } from "./within.js";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/** What a part of a beat takes at most, unless beats are further apart. */
const PATIENCE_MS = 2_000;

/** What joining takes at most: an engine that is kept from it says by what, sooner than that. */
const JOIN_MS = 5_000;

/** Between the beat before and one that was asked for. */
const HURRY_MS = 250;

export interface HeartbeatParts {
  readonly engine: ClusterEngine;
  readonly envelopes: Envelopes;
  readonly clock: ClusterClock;
  readonly leaseMs: number;
  readonly node: string;
  readonly hear: (message: string) => void;
  /** The engine delivers to this node: what else is to be done at each beat. It renews the lease from `since`. */
  readonly renew: (since: Moment) => Promise<void>;
  /** Before each beat. */
  readonly onBegin: () => void;
  readonly onBeat: () => void;
  readonly onMissed: (error: unknown) => void;
}

/**
 * Keeps a node in touch: joins the engine, hears itself through it, and renews the lease, three times in a
 * lease. What fails is done again, after a delay that grows.
 *
 * A subscription can go deaf while everything else works, so a node counts as reached only when its own
 * beat has come back to it.
 */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #everyMs: number;
  #isJoined = false;
  #isStopped = false;
  #awaited: { readonly nonce: string; readonly heard: () => void } | undefined;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #isHurried = false;
  #lastBeatAt = Number.NEGATIVE_INFINITY;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#everyMs = parts.leaseMs / 3;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something has gone wrong, or has changed: beats soon rather than when it is time. */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#wake?.();
  }

  /** A beat has come back. */
  hear(nonce: unknown): void {
    if (this.#awaited?.nonce === nonce) this.#awaited?.heard();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    this.#awaited?.heard();
    await this.#running;
  }

  async #run(): Promise<void> {
    let missed = 0;
    while (!this.#isStopped) {
      missed = (await this.#beat()) ? 0 : missed + 1;
      await this.#rest(missed === 0 ? this.#everyMs : retryMs(missed));
    }
  }

  async #rest(ms: number): Promise<void> {
    if (this.#isStopped) return;
    if (!this.#isHurried) await this.#sleep(ms);
    const sinceMs = this.#parts.clock.steady() - this.#lastBeatAt;
    // Nobody wakes it twice.
    if (this.#isHurried && sinceMs < HURRY_MS) await this.#sleep(HURRY_MS - sinceMs);
    this.#isHurried = false;
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#isStopped) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms).unref();
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  async #beat(): Promise<boolean> {
    const { onBegin, onBeat, onMissed } = this.#parts;
    this.#lastBeatAt = this.#parts.clock.steady();
    onBegin();
    try {
      await this.#reach();
      if (!this.#isStopped)
        await this.#within(() => this.#parts.renew(momentOf(this.#parts.clock)));
    } catch (error) {
      onMissed(error);
      return false;
    }
    onBeat();
    return true;
  }

  /** Makes sure that the engine delivers to this node. */
  async #reach(): Promise<void> {
    const { engine, node, hear } = this.#parts;
    const joinMs = Math.max(this.#everyMs, JOIN_MS);
    if (!this.#isJoined) await within(joinMs, () => engine.join(node, hear));
    this.#isJoined = true;
    if (await this.#hearsItself()) return;
    this.#isJoined = false;
    await this.#within(() => engine.leave());
    throw new Error("it does not deliver to this node");
  }

  async #hearsItself(): Promise<boolean> {
    const { engine, envelopes, node } = this.#parts;
    const nonce = randomBytes(12).toString("base64url");
    const heard = new Promise<void>((resolve) => (this.#awaited = { nonce, heard: resolve }));
    const beat = envelopes.seal([JSON.stringify(["beat", nonce])], node);
    if ((await this.#within(() => engine.send(node, beat))) === "nobody") return false;
    return (await withTimeout(heard, this.#everyMs)) !== TIMED_OUT;
  }

  #within<T>(work: () => Promise<T>): Promise<T> {
    return within(Math.max(this.#everyMs, PATIENCE_MS), work);
  }
}

/** Grows to a bound, and differs, so that nodes which have lost the same engine do not come back at one moment. */
function retryMs(missed: number): number {
  const ms = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (missed - 1));
  return ms / 2 + randomInt(Math.ceil(ms / 2));
}
