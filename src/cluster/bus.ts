import { randomBytes } from "node:crypto";
import { errorName } from "../shared/log-text.js";
import type { Logger } from "../shared/logger.js";
import { pendingWork } from "../shared/pending-work.js";
import type { PendingWork } from "../shared/pending-work.js";
import { withTimeout } from "../shared/timeout.js";
import { Asking } from "./asking.js";
import type {
  ClusterBus,
  ClusterBusEvents,
  ClusterNode,
  ClusterState,
  Exchange,
  Frame,
  Gathered,
} from "./cluster-bus.js";
import { SYSTEM_CLOCK } from "./cluster-clock.js";
import type { ClusterClock } from "./cluster-clock.js";
import type { ClusterConfig } from "./cluster-config.js";
import type { ClusterEngine } from "./engine.js";
import { Envelopes } from "./envelope.js";
import type { Packet } from "./envelope.js";
import { Links } from "./links.js";
import { Membership } from "./membership.js";
import { countNode, uncountNode } from "./nodes-here.js";
import { Outgoing } from "./outgoing.js";
import { SealBox } from "./seal-box.js";

/** What a bus is made of. */
export interface BusParts {
  readonly engine: ClusterEngine;
  readonly config: Pick<ClusterConfig, "secret" | "prefix" | "leaseMs">;
  readonly logger: Logger;
  /** Default: the machine's. */
  readonly clock?: ClusterClock;
}

type Answer = (opening: Frame, exchange: Exchange) => void;
type Hear = (frame: Frame, teller: string) => void;

/** Between two log lines about envelopes that do not open, in milliseconds. */
const UNOPENED_LOG_MS = 60_000;

/** What a goodbye gets at least. */
const GOODBYE_MS = 100;

/** {@link ClusterBus} over any engine: sealed, and with links that make up for what it loses. */
export class SealedBus implements ClusterBus {
  readonly node = randomBytes(16).toString("base64url");
  readonly #logger: Logger;
  readonly #clock: ClusterClock;
  readonly #envelopes: Envelopes;
  readonly #outgoing: Outgoing;
  readonly #links: Links;
  readonly #membership: Membership;
  readonly #asking: Asking;
  readonly #answers = new Map<string, Answer>();
  readonly #hearers = new Map<string, Hear>();
  readonly #prefix: string;
  #isCounted = false;
  #unopenedToldAt = Number.NEGATIVE_INFINITY;

  constructor({ engine, config, logger, clock = SYSTEM_CLOCK }: BusParts) {
    const { leaseMs, secret, prefix } = config;
    const { node } = this;
    const box = new SealBox(secret, prefix);
    const envelopes = new Envelopes(box, node);
    this.#logger = logger;
    this.#prefix = prefix;
    this.#clock = clock;
    this.#envelopes = envelopes;
    this.#outgoing = new Outgoing({
      engine,
      envelopes,
      onSent: (peer) => this.#links.trust(peer),
      onNobody: (peer) => this.#links.doubt(peer),
      onTrouble: () => this.#membership.hurry(),
    });
    this.#links = new Links({
      outgoing: this.#outgoing,
      answerers: {
        logger,
        answer: (opening, exchange) => this.#answer(opening, exchange),
        told: (frame, teller) => this.#hearTold(frame, teller),
      },
      now: () => clock.steady(),
      onLost: (peer) => this.#membership.noteLinkLost(peer),
    });
    this.#membership = new Membership({
      ...{ engine, box, envelopes, clock, leaseMs, node, logger, links: this.#links },
      hear: (message) => this.#hear(message),
    });
    this.#asking = new Asking(this);
    if (engine.isLocal !== true) this.on("up", () => this.#count());
  }

  get state(): ClusterState {
    return this.#membership.state;
  }

  get holdsLease(): boolean {
    return this.#membership.holdsLease;
  }

  get isDirectoryComplete(): boolean {
    return this.#membership.isDirectoryComplete;
  }

  confirmDirectory(): Promise<boolean> {
    return this.#membership.confirmDirectory();
  }

  nameOf(kind: string, text: string): string {
    return this.#membership.nameOf(kind, text);
  }

  get trouble(): unknown {
    return this.#membership.trouble;
  }

  start(): void {
    this.#membership.start();
  }

  whenUp(timeoutMs: number): Promise<boolean> {
    return this.#membership.whenUp(timeoutMs);
  }

  nodes(): readonly ClusterNode[] {
    return this.#membership.nodes;
  }

  isAlive(node: string): Promise<boolean> {
    return this.#membership.isAlive(node);
  }

  on<K extends keyof ClusterBusEvents>(
    event: K,
    listener: (...args: ClusterBusEvents[K]) => void,
  ): void {
    this.#membership.on(event, listener);
  }

  open(node: string, opening: Frame): Exchange {
    const exchange = this.#links.open(node, opening);
    // Not at once: nobody listens to it yet.
    if (this.state === "closed" || this.#membership.isForeign(node)) {
      queueMicrotask(() => this.#links.loseNode(node));
    }
    return exchange;
  }

  onExchange(kind: string, answer: Answer): void {
    this.#answers.set(kind, answer);
  }

  async gather(question: Frame, timeoutMs: number): Promise<Gathered<unknown>> {
    const until = this.#clock.steady() + timeoutMs;
    // Those who came since the last beat are asked, too.
    await withTimeout(this.#membership.refresh(), timeoutMs / 2).catch(() => undefined);
    const leftMs = Math.max(0, until - this.#clock.steady());
    return await this.#asking.gather(this.#membership.others, question, leftMs);
  }

  onQuestion(kind: string, answer: (question: Frame, asker: string) => unknown): void {
    this.#asking.on(kind, answer);
  }

  tell(frame: Frame): void {
    for (const node of this.#membership.others) this.#links.tell(node, frame);
  }

  onTold(kind: string, hear: Hear): void {
    this.#hearers.set(kind, hear);
  }

  drain(): void {
    this.#membership.drain();
  }

  async stop(timeoutMs: number, asked = pendingWork()): Promise<void> {
    if (this.state === "closed") return;
    if (this.#isCounted) uncountNode(this.#prefix);
    const until = this.#clock.steady() + timeoutMs;
    if (this.#membership.isInTouch) await withTimeout(this.#whenQuiet(asked), timeoutMs);
    // Others hear how far this node has heard them before they hear that it is gone: the rest they ask of another.
    this.#links.loseAll();
    this.#outgoing.flush();
    const left = this.#membership.close();
    this.#outgoing.stop();
    await withTimeout(left, Math.max(GOODBYE_MS, until - this.#clock.steady()));
  }

  /** Whoever waits for one of both may be asked for the other meanwhile. */
  async #whenQuiet(asked: PendingWork): Promise<void> {
    do {
      await asked.done();
      await this.#links.whenQuiet();
    } while (!asked.isDone);
  }

  /** A process needs one node of a cluster. More cost connections, and nobody closes those that are made by mistake. */
  #count(): void {
    if (this.#isCounted) return;
    this.#isCounted = true;
    const count = countNode(this.#prefix);
    if (count === 1) return;
    this.#logger.warn(
      `This process has ${count} nodes of the cluster ${JSON.stringify(this.#prefix)}: make a router once, not for each request, and give each endpoint a prefix of its own`,
    );
  }

  /** What the engine delivers. */
  #hear(message: string): void {
    if (this.state === "closed") return;
    const envelope = this.#envelopes.open(message);
    if (envelope === undefined) {
      this.#noteUnopened();
      return;
    }
    const { sender, isForAll, packets } = envelope;
    for (const packet of packets) {
      if (isForAll) this.#membership.hearFact(sender, packet);
      else this.#hearPacket(sender, packet, message.length);
    }
  }

  #hearPacket(sender: string, packet: Packet, bytes: number): void {
    if (packet[0] === "beat") {
      if (sender === this.node) this.#membership.hearBeat(packet[1]);
      return;
    }
    // Security decision: a node that was out of touch acts on nothing until it is in touch again. Its
    // sessions may be elsewhere by now, and whoever sent it was told that it is lost.
    if (this.holdsLease) this.#links.hear(sender, packet, bytes);
    else this.#links.loseEstablished();
  }

  #noteUnopened(): void {
    const now = this.#clock.steady();
    if (now - this.#unopenedToldAt < UNOPENED_LOG_MS) return;
    this.#unopenedToldAt = now;
    this.#logger.warn(
      "A message of the cluster does not open: it is of another secret or version, or forged",
    );
  }

  #answer(opening: Frame, exchange: Exchange): boolean {
    const answer = this.#answers.get(opening[0]);
    if (answer === undefined) return false;
    if (!this.#isCalled(() => answer(opening, exchange))) exchange.abort();
    return true;
  }

  #hearTold(frame: Frame, teller: string): void {
    this.#isCalled(() => this.#hearers.get(frame[0])?.(frame, teller));
  }

  /** What throws must not harm what else has come with it. */
  #isCalled(call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.#logger.error(`A listener of the cluster has thrown: ${errorName(error)}`);
      return false;
    }
  }
}
