import { Announcer } from "../session/announcer.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import { errorName } from "../shared/log-text.js";
import type { Logger } from "../shared/logger.js";
import { withTimeout } from "../shared/timeout.js";
import type { ClusterBusEvents, ClusterNode, ClusterState } from "./cluster-bus.js";
import { Lease } from "./cluster-clock.js";
import type { ClusterClock, Moment } from "./cluster-clock.js";
import type { ClusterEngine } from "./engine.js";
import type { Envelopes, Packet } from "./envelope.js";
import { Epoch } from "./epoch.js";
import { Heartbeat } from "./heartbeat.js";
import { Roster } from "./roster.js";
import type { SealBox } from "./seal-box.js";
import { within } from "./within.js";

/** How long somebody waits for one answer of the engine. */
const PATIENCE_MS = 5_000;

export interface MembershipParts {
  readonly engine: ClusterEngine;
  readonly box: SealBox;
  readonly envelopes: Envelopes;
  readonly clock: ClusterClock;
  readonly leaseMs: number;
  readonly node: string;
  readonly logger: Logger;
  readonly hear: (message: string) => void;
  readonly links: MembershipLinks;
}

/** What a node's coming and going does to its links. */
export interface MembershipLinks {
  readonly peers: readonly string[];
  loseNode(node: string): void;
  loseEstablished(): void;
  loseUnmet(ms: number): void;
  repeat(): void;
  probe(): void;
}

/** Whether this node is in touch with the others, and who they are. */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #lease: Lease;
  readonly #epoch: Epoch;
  readonly #roster: Roster;
  readonly #heartbeat: Heartbeat;
  readonly #events: Announcer<ClusterBusEvents>;
  readonly #upWaiters = new Set<() => void>();
  #isInTouch = false;
  #hasBeenUp = false;
  #isClosed = false;
  /** That it could not be reached was said once before it was. */
  #hasFailed = false;
  #trouble: unknown;
  /** Nodes that said that they are here, and were not looked up since. */
  readonly #strangers = new Set<string>();
  /** The engine has lost its directory, and nobody was told yet. */
  #isEmptied = false;

  constructor(parts: MembershipParts) {
    const { clock, leaseMs, logger } = parts;
    this.#parts = parts;
    this.#lease = new Lease(clock, leaseMs);
    this.#epoch = new Epoch(parts);
    const onGone = (...gone: [node: string, wasThere: boolean]) => this.#noteGone(...gone);
    this.#roster = new Roster({ ...parts, epoch: this.#epoch, onGone });
    this.#heartbeat = new Heartbeat({
      ...parts,
      renew: (since) => this.#renew(since),
      onBegin: () => this.#loseStale(),
      onBeat: () => this.#noteBeat(),
      onMissed: (error) => this.#goDown(error),
    });
    this.#events = new Announcer((error) =>
      logger.error(`A listener of the cluster has thrown: ${errorName(error)}`),
    );
  }

  get state(): ClusterState {
    if (this.#isClosed) return "closed";
    if (this.#roster.isDraining) return "draining";
    if (this.#isInTouch) return "up";
    return this.#hasBeenUp ? "down" : "joining";
  }

  get isInTouch(): boolean {
    return this.#isInTouch;
  }

  /** Why it is not in touch, where it was tried. */
  get trouble(): unknown {
    return this.#trouble;
  }

  get holdsLease(): boolean {
    return this.#lease.isHeld;
  }

  get isDirectoryComplete(): boolean {
    return this.#isInTouch && this.#epoch.isSettled;
  }

  get nodes(): readonly ClusterNode[] {
    return this.#roster.nodes();
  }

  get others(): readonly string[] {
    return this.#roster.others;
  }

  nameOf(kind: string, text: string): string {
    const { names } = this.#epoch;
    if (names === undefined) throw nobodyCanTell();
    return names.of(kind, text);
  }

  async confirmDirectory(): Promise<boolean> {
    if (!this.isDirectoryComplete) return false;
    try {
      const isUnchanged = await within(PATIENCE_MS, () => this.#epoch.isUnchanged());
      if (isUnchanged) return this.isDirectoryComplete;
    } catch {
      // As if it had changed: nobody can tell.
    }
    this.hurry();
    return false;
  }

  on<K extends keyof ClusterBusEvents>(
    event: K,
    listener: (...args: ClusterBusEvents[K]) => void,
  ): void {
    this.#events.on(event, listener);
  }

  start(): void {
    this.#heartbeat.start();
  }

  async whenUp(timeoutMs: number): Promise<boolean> {
    if (this.#isInTouch || this.#isClosed) return this.#isInTouch;
    let stopWaiting: () => void = () => undefined;
    const up = new Promise<void>((resolve) => {
      this.#upWaiters.add(resolve);
      stopWaiting = () => this.#upWaiters.delete(resolve);
    });
    await withTimeout(up, timeoutMs);
    stopWaiting();
    return this.#isInTouch;
  }

  async isAlive(node: string): Promise<boolean> {
    if (node === this.#parts.node) return this.holdsLease;
    try {
      return await within(PATIENCE_MS, () => this.#roster.look(node));
    } catch {
      throw nobodyCanTell();
    }
  }

  /** Whether another node is known to speak no language of this one. */
  isForeign(node: string): boolean {
    return this.#roster.isForeign(node);
  }

  /** Looks up who is there. */
  async refresh(): Promise<void> {
    const heard = [...this.#strangers];
    this.#strangers.clear();
    await this.#roster.refresh(this.#parts.links.peers);
    if (this.isDirectoryComplete && heard.some((node) => this.#isStranger(node))) {
      this.#parts.logger.warn(
        "A node of the cluster is heard that is not in this one's directory: has its client another database, or keyPrefix?",
      );
    }
  }

  /** Nodes write down that they are there before they say so. */
  #isStranger(node: string): boolean {
    return !this.#roster.has(node) && !this.#roster.hasLeft(node);
  }

  /** Something went wrong: is the engine still there? While it is known not to be, it is asked often enough. */
  hurry(): void {
    if (this.#isInTouch) this.#heartbeat.hurry();
  }

  drain(): void {
    this.#roster.isDraining = true;
    if (this.#isInTouch) void this.#roster.write().catch(() => this.hurry());
    this.#sayToAll("draining");
  }

  /** Goes: from now on nothing is heard. Resolves when the engine has been left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isInTouch = false;
    for (const wake of this.#upWaiters) wake();
    this.#sayToAll("bye");
    await this.#heartbeat.stop();
    // Its lease runs out where the engine is away.
    await this.#roster.remove().catch(() => undefined);
    await (async () => await this.#parts.engine.leave())().catch(() => undefined);
  }

  /** A beat of this node has come back to it. */
  hearBeat(nonce: unknown): void {
    this.#heartbeat.hear(nonce);
  }

  /** What another node says to all. */
  hearFact(sender: string, [fact]: Packet): void {
    if (sender === this.#parts.node) return;
    if (fact === "bye") this.#roster.noteLeft(sender);
    else if (fact === "draining") this.#roster.noteDraining(sender);
    else if (fact === "emptied" || !this.#roster.has(sender)) {
      if (fact === "here") this.#strangers.add(sender);
      this.hurry();
    }
  }

  /**
   * Security decision: facts that stay true, and reasons to look. So whoever repeats one later, which
   * nothing prevents, says nothing new.
   */
  #sayToAll(fact: "here" | "emptied" | "draining" | "bye"): void {
    const { engine, envelopes } = this.#parts;
    const envelope = envelopes.sealForAll([JSON.stringify([fact])]);
    void (async () => await engine.broadcast(envelope))().catch(() => undefined);
  }

  async #renew(since: Moment): Promise<void> {
    if ((await this.#epoch.look()) === "emptied") this.#isEmptied = true;
    await this.#roster.write();
    if (this.#isClosed) return;
    this.#renewLease(since);
    if (this.#isEmptied) this.#tellEmptied();
    await this.refresh();
  }

  /** Whoever has to look up what they have hears of it as soon as the lease counts again. */
  #renewLease(since: Moment): void {
    const hasLapsed = this.#lease.hasBegun && !this.#lease.isHeld;
    if (hasLapsed) this.#parts.links.loseEstablished();
    this.#lease.renew(since);
    if (!hasLapsed) return;
    this.#parts.logger.warn(
      "This node was out of touch with its cluster for longer than its lease",
    );
    this.#events.announce("lapsed");
  }

  #tellEmptied(): void {
    this.#isEmptied = false;
    this.#parts.logger.warn(
      "The cluster's engine was emptied: nodes write down again what they have",
    );
    this.#sayToAll("emptied");
    this.#events.announce("emptied");
  }

  #noteBeat(): void {
    if (this.#isClosed) return;
    if (this.#isInTouch) this.#parts.links.probe();
    else this.#goUp();
  }

  #goUp(): void {
    this.#isInTouch = true;
    this.#trouble = undefined;
    this.#parts.logger.info(
      this.#hasBeenUp ? "The cluster is reached again" : "Joined the cluster",
    );
    this.#hasBeenUp = true;
    this.#sayToAll("here");
    this.#parts.links.repeat();
    for (const wake of this.#upWaiters) wake();
    this.#events.announce("up");
  }

  #goDown(error: unknown): void {
    const wasInTouch = this.#isInTouch;
    this.#trouble = error;
    if (this.#isClosed || (!wasInTouch && this.#hasFailed)) return;
    this.#hasFailed = true;
    this.#isInTouch = false;
    const reason = error instanceof Error ? error.message : typeof error;
    this.#parts.logger.warn(`The cluster cannot be reached: ${reason}`);
    if (wasInTouch) this.#events.announce("down");
  }

  /** Out of touch for too long: those at the other side have given up by now, too. */
  #loseStale(): void {
    const { links, leaseMs } = this.#parts;
    if (this.#lease.hasBegun && !this.holdsLease) links.loseEstablished();
    links.loseUnmet(leaseMs);
  }

  /** Requests or streams between this node and another were lost. */
  noteLinkLost(node: string): void {
    this.#events.announce("link-lost", node);
  }

  #noteGone(node: string, wasThere: boolean): void {
    const { links, logger } = this.#parts;
    const wasLinked = links.peers.includes(node);
    links.loseNode(node);
    if (!wasThere && !wasLinked) return;
    logger.info(`A node of the cluster is gone: ${node}`);
    this.#events.announce("node-lost", node);
  }
}

function nobodyCanTell(): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "The cluster cannot be reached: try again soon.",
    {
      headers: retryAfter(1),
    },
  );
}
