import type { ClusterEngine } from "./engine.js";
import type { Envelopes } from "./envelope.js";
import type { Link, TakenPacket } from "./link.js";

/** Size of an envelope's packets, unless a single one is larger: what an engine is given at a time. */
const ENVELOPE_BYTES = 512 * 1024;

export interface OutgoingParts {
  readonly engine: ClusterEngine;
  readonly envelopes: Envelopes;
  /** Somebody may have heard what was sent to a node. */
  readonly onSent: (node: string) => void;
  /** It is certain that nobody has heard what was sent to a node. */
  readonly onNobody: (node: string) => void;
  /** The engine has rejected something. */
  readonly onTrouble: () => void;
}

/** What is to go to one node at the end of the tick. */
interface Mailbag {
  readonly links: Set<Link>;
  readonly packets: string[];
}

/** Collects what is sent in one tick: one envelope for each node that it goes to. */
export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly #bags = new Map<string, Mailbag>();
  #flush: NodeJS.Immediate | undefined;
  #isStopped = false;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  /** The link has something to say, which it is asked for at the end of the tick. */
  want(link: Link): void {
    if (this.#isStopped) return;
    this.#bagOf(link.peer).links.add(link);
  }

  /** Sends a packet that belongs to no link; it may be lost. */
  post(node: string, packet: string): void {
    if (this.#isStopped) return;
    this.#bagOf(node).packets.push(packet);
  }

  #bagOf(node: string): Mailbag {
    this.#flush ??= setImmediate(() => this.flush());
    let bag = this.#bags.get(node);
    if (bag === undefined) this.#bags.set(node, (bag = { links: new Set(), packets: [] }));
    return bag;
  }

  /** Sends everything now. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const bags = [...this.#bags];
    this.#bags.clear();
    for (const [node, bag] of bags) this.#empty(node, bag);
  }

  #empty(node: string, { links, packets }: Mailbag): void {
    let batch: TakenPacket[] = packets.map((text) => ({ text, frames: [] }));
    let bytes = 0;
    for (const link of links) {
      for (let packet = link.take(); packet !== undefined; packet = link.take()) {
        if (bytes > 0 && bytes + packet.text.length > ENVELOPE_BYTES) {
          void this.#send(node, batch);
          [batch, bytes] = [[], 0];
        }
        batch.push(packet);
        bytes += packet.text.length;
      }
    }
    if (batch.length > 0) void this.#send(node, batch);
  }

  async #send(node: string, packets: readonly TakenPacket[]): Promise<void> {
    const { engine, envelopes, onSent, onNobody, onTrouble } = this.#parts;
    const envelope = envelopes.seal(
      packets.map(({ text }) => text),
      node,
    );
    try {
      if ((await engine.send(node, envelope)) === "sent") {
        onSent(node);
        return;
      }
    } catch {
      // As if it was lost: it is sent again. Whether anybody has heard it is not known.
      onTrouble();
      return;
    }
    for (const { frames } of packets) for (const frame of frames) frame.tries--;
    onNobody(node);
  }

  /** What waits is forgotten, and nothing is sent any more. */
  stop(): void {
    this.#isStopped = true;
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#bags.clear();
  }
}
