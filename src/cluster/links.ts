import { randomBytes } from "node:crypto";
import type { Exchange, Frame } from "./cluster-bus.js";
import type { Packet } from "./envelope.js";
import { LinkedExchanges } from "./exchange.js";
import type { Answerers } from "./exchange.js";
import { Link, REPEAT_MS } from "./link.js";
import type { LinkHost } from "./link.js";
import type { Outgoing } from "./outgoing.js";

/** What all links together may keep for nodes that do not hear it, in characters. */
const MAX_UNHEARD_BYTES = 64 * 1024 * 1024;

/** Greetings that were answered and not followed by anything. */
const MAX_GREETED = 1_024;

/** Milliseconds that a subscription may take to be made again: as long a node is not given up that nobody hears. */
const DOUBT_MS = 750;

/** Milliseconds between two words to one node that a link of it is not known here. */
const STRANGER_MS = 100;

interface LinkParts {
  readonly link: Link;
  readonly exchanges: LinkedExchanges;
}

/** A link that this node has begun, or is about to. */
interface OwnLink extends LinkParts {
  readonly nonce: string;
  readonly since: number;
  greeting: NodeJS.Timeout | undefined;
}

interface Doubt {
  readonly since: number;
  readonly timer: NodeJS.Timeout;
}

export interface LinksParts {
  readonly outgoing: Outgoing;
  readonly answerers: Omit<Answerers, "over">;
  readonly now: () => number;
  /** Requests or streams between this node and another were lost. */
  readonly onLost: (node: string) => void;
}

/**
 * The links of a node. Each carries the exchanges that one side has begun, so two nodes have up to two.
 *
 * Security decision: a link is named by a nonce of each side, and frames count only on a link that both
 * have named. So a greeting that is replayed begins nothing, since nobody has the answer's nonce, and
 * frames that are replayed are either old numbers of a link that is there, or of one that is not. No
 * clock is needed for that.
 */
export class Links {
  readonly #parts: LinksParts;
  readonly #host: LinkHost;
  readonly #answerers: Answerers;
  /** By the other node: links that are begun here. */
  readonly #own = new Map<string, OwnLink>();
  /** By the other node: links that are begun there. */
  readonly #theirs = new Map<string, LinkParts>();
  /** The ids of links that others have greeted for, in order. */
  readonly #greeted = new Map<string, string>();
  /** Nodes that nobody hears: since when, and when they are asked again. */
  readonly #doubts = new Map<string, Doubt>();
  readonly #strangerToldAt = new Map<string, number>();
  #unheardBytes = 0;
  #onQuiet: (() => void) | undefined;

  constructor(parts: LinksParts) {
    this.#parts = parts;
    this.#answerers = { ...parts.answerers, over: () => this.#noteQuiet() };
    this.#host = {
      now: parts.now,
      wantsToSend: (link) => parts.outgoing.want(link),
      changeUnheard: (bytes) => this.#changeUnheard(bytes),
    };
  }

  /** Nodes that there is a link with. */
  get peers(): readonly string[] {
    return [...new Set([...this.#own.keys(), ...this.#theirs.keys()])];
  }

  /** Begins an exchange. */
  open(node: string, opening: Frame): Exchange {
    return this.#to(node).exchanges.begin(opening);
  }

  tell(node: string, frame: Frame): void {
    this.#to(node).exchanges.tell(frame);
  }

  #to(node: string): OwnLink {
    let own = this.#own.get(node);
    if (own === undefined) {
      const since = this.#parts.now();
      own = { ...this.#make(node), nonce: newNonce(), since, greeting: undefined };
      this.#own.set(node, own);
      this.#greet(own);
    }
    return own;
  }

  #make(node: string): LinkParts {
    const link: Link = new Link(node, this.#host, (frame) => exchanges.receive(frame));
    const exchanges = new LinkedExchanges(link, this.#answerers);
    return { link, exchanges };
  }

  #greet(own: OwnLink): void {
    clearTimeout(own.greeting);
    this.#post(own.link.peer, ["hello", own.nonce]);
    own.greeting = setTimeout(() => this.#greet(own), REPEAT_MS).unref();
  }

  /** @param bytes size of the envelope that it came in. */
  hear(sender: string, packet: Packet, bytes: number): void {
    const [kind, first, second] = packet;
    if (typeof first !== "string") return;
    if (kind === "hello" && NONCE.test(first)) this.#welcome(sender, first);
    else if (kind === "welcome") this.#meet(sender, first, second);
    else if (kind === "d") this.#receive(sender, first, packet.slice(2), bytes);
    else if (kind === "unknown") this.#loseNamed(sender, first, second);
  }

  /** The same answer each time: the first may have been lost. */
  #welcome(sender: string, nonce: string): void {
    const greeting = `${sender} ${nonce}`;
    const theirs = this.#theirs.get(sender)?.link.id;
    if (theirs?.startsWith(`${nonce}.`) === true) return;
    const id = this.#greeted.get(greeting) ?? `${nonce}.${newNonce()}`;
    this.#greeted.set(greeting, id);
    const [oldest] = this.#greeted.keys();
    if (this.#greeted.size > MAX_GREETED && oldest !== undefined) this.#greeted.delete(oldest);
    this.#post(sender, ["welcome", nonce, id]);
  }

  #meet(sender: string, nonce: string, id: unknown): void {
    const own = this.#own.get(sender);
    if (own?.nonce !== nonce || own.link.id !== undefined || !isIdOf(nonce, id)) return;
    clearTimeout(own.greeting);
    own.link.establish(id);
  }

  #receive(sender: string, id: string, rest: readonly unknown[], bytes: number): void {
    const [first, acked, ...frames] = rest;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(acked)) return;
    const link = this.#named(sender, id)?.link ?? this.#begin(sender, id);
    if (link === undefined) this.#sayUnknown(sender, id);
    else link.receive(first as number, acked as number, frames, bytes);
  }

  #named(sender: string, id: string): LinkParts | undefined {
    return [this.#own.get(sender), this.#theirs.get(sender)].find((one) => one?.link.id === id);
  }

  /** The first frames of a link that was greeted for: what there was with this node before is lost. */
  #begin(sender: string, id: string): Link | undefined {
    const greeting = `${sender} ${id.split(".", 1).join()}`;
    if (this.#greeted.get(greeting) !== id) return undefined;
    this.#greeted.delete(greeting);
    this.#lose(this.#theirs, sender);
    const parts = this.#make(sender);
    parts.link.id = id;
    this.#theirs.set(sender, parts);
    return parts.link;
  }

  #sayUnknown(sender: string, id: string): void {
    const now = this.#parts.now();
    if (now - (this.#strangerToldAt.get(sender) ?? -STRANGER_MS) < STRANGER_MS) return;
    if (this.#strangerToldAt.size >= MAX_GREETED) this.#strangerToldAt.clear();
    this.#strangerToldAt.set(sender, now);
    this.#post(sender, ["unknown", id]);
  }

  #post(node: string, packet: Packet): void {
    this.#parts.outgoing.post(node, JSON.stringify(packet));
  }

  /** @param last number of the last frame that the other side has acted on, if it still knew when it gave the link up. */
  #loseNamed(sender: string, id: string, last: unknown): void {
    for (const links of [this.#own, this.#theirs]) {
      const link = links.get(sender)?.link;
      if (link?.id !== id) continue;
      if (Number.isSafeInteger(last)) link.endBehind(last as number);
      this.#lose(links, sender);
    }
  }

  #lose(links: Map<string, LinkParts>, node: string): void {
    const lost = links.get(node);
    if (lost === undefined) return;
    links.delete(node);
    if ("greeting" in lost) clearTimeout((lost as OwnLink).greeting);
    const { id, received } = lost.link;
    if (id !== undefined) this.#post(node, ["unknown", id, received]);
    const { heardCount } = lost.exchanges;
    // What was not heard is asked of another node: nothing is lost with that.
    if (heardCount > 0) {
      this.#answerers.logger.warn(
        `The link to node ${node} of the cluster is lost, with ${heardCount} requests or streams on it`,
      );
    }
    lost.link.lose();
    lost.exchanges.lose();
    if (heardCount > 0) this.#parts.onLost(node);
  }

  /**
   * It is certain that nobody has heard what was sent to a node. What it never heard is lost at once, and may be
   * asked of another. For the rest it may hear again in a moment: its subscription may be under way.
   */
  doubt(node: string): void {
    const own = this.#own.get(node);
    if (own?.link.id === undefined) this.#lose(this.#own, node);
    else own.exchanges.loseUnheard();
    if (!this.peers.includes(node)) return;
    const now = this.#parts.now();
    const { since } = this.#doubts.get(node) ?? this.#beginDoubt(node, now);
    if (now - since >= DOUBT_MS) this.loseNode(node);
  }

  #beginDoubt(node: string, since: number): Doubt {
    const ask = (): void => {
      for (const links of [this.#own, this.#theirs]) links.get(node)?.link.probe();
    };
    const doubt = { since, timer: setTimeout(ask, DOUBT_MS).unref() };
    this.#doubts.set(node, doubt);
    return doubt;
  }

  /** Somebody may hear what is sent to a node. */
  trust(node: string): void {
    const doubt = this.#doubts.get(node);
    if (doubt === undefined) return;
    clearTimeout(doubt.timer);
    this.#doubts.delete(node);
  }

  /** A node is gone. */
  loseNode(node: string): void {
    this.trust(node);
    this.#lose(this.#own, node);
    this.#lose(this.#theirs, node);
  }

  /** This node was out of touch: others have given up what they had with it. What has not begun yet may begin. */
  loseEstablished(): void {
    for (const links of [this.#own, this.#theirs]) {
      for (const [node, { link }] of [...links]) if (link.id !== undefined) this.#lose(links, node);
    }
  }

  /** Gives up links that the other side has not answered for so long. */
  loseUnmet(ms: number): void {
    const until = this.#parts.now() - ms;
    for (const [node, { link, since }] of [...this.#own]) {
      if (link.id === undefined && since < until) this.#lose(this.#own, node);
    }
  }

  loseAll(): void {
    for (const node of [...this.peers, ...this.#doubts.keys()]) this.loseNode(node);
    // Those at their other sides may have sent the first that there is on them.
    for (const [greeting, id] of this.#greeted) {
      this.#post(greeting.split(" ", 1).join(), ["unknown", id, 0]);
    }
    this.#greeted.clear();
  }

  /** The engine is there again: what is not acknowledged may have been lost. */
  repeat(): void {
    for (const own of this.#own.values()) if (own.link.id === undefined) this.#greet(own);
    for (const links of [this.#own, this.#theirs])
      for (const { link } of links.values()) link.repeat();
  }

  /**
   * Asks whether links are still known at their other side, if somebody waits to hear from there: what it said
   * when it lost one may have been lost as well.
   */
  probe(): void {
    for (const links of [this.#own, this.#theirs]) {
      for (const { link, exchanges } of links.values()) if (exchanges.openCount > 0) link.probe();
    }
  }

  #changeUnheard(bytes: number): void {
    const isTooMuch = this.#unheardBytes <= MAX_UNHEARD_BYTES;
    this.#unheardBytes += bytes;
    // Not within the send that was too much: whoever sends does not expect to hear of it there.
    if (isTooMuch && this.#unheardBytes > MAX_UNHEARD_BYTES)
      queueMicrotask(() => this.#loseWorst());
    this.#noteQuiet();
  }

  /** Gives up those who hear the least, until the others have room. */
  #loseWorst(): void {
    while (this.#unheardBytes > MAX_UNHEARD_BYTES) {
      const all = [this.#own, this.#theirs].flatMap((links) =>
        [...links].map(([node, { link }]) => ({ links, node, link })),
      );
      const worst = all.reduce((a, b) => (b.link.unheardBytes > a.link.unheardBytes ? b : a));
      this.#lose(worst.links, worst.node);
    }
  }

  /** Resolves when all that was sent is known to have arrived, and what others have begun is over. */
  async whenQuiet(): Promise<void> {
    while (!this.#isQuiet) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
  }

  get #isQuiet(): boolean {
    const isOver = [...this.#theirs.values()].every(({ exchanges }) => exchanges.openCount === 0);
    return isOver && this.#unheardBytes === 0;
  }

  #noteQuiet(): void {
    if (this.#onQuiet !== undefined && this.#isQuiet) this.#onQuiet();
  }
}

const NONCE = /^[\w-]{16}$/;

function newNonce(): string {
  return randomBytes(12).toString("base64url");
}

/** Whether it names a link that was greeted for with a nonce. */
function isIdOf(nonce: string, id: unknown): id is string {
  if (typeof id !== "string") return false;
  const [first, second = "", ...rest] = id.split(".");
  return first === nonce && NONCE.test(second) && rest.length === 0;
}
