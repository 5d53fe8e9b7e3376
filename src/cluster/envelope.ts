import type { SealBox } from "./seal-box.js";

/** An envelope that was opened: who has sealed it, and what is in it. */
export interface OpenedEnvelope {
  readonly sender: string;
  /** Whether it went to all nodes. */
  readonly isForAll: boolean;
  readonly packets: readonly Packet[];
}

/** One thing of many in an envelope. The first item says what it is. */
export type Packet = readonly [kind: string, ...unknown[]];

const TO_NODE = "n";
const TO_ALL = "a";

/**
 * What goes over the engine: packets of one node, for one other or for all.
 *
 * Security decision: the address is sealed with what is in it, so that an envelope which is sent on to
 * another node, or back to its sender, does not open; and its sender is inside.
 */
export class Envelopes {
  readonly #box: SealBox;
  readonly #node: string;

  constructor(box: SealBox, node: string) {
    this.#box = box;
    this.#node = node;
  }

  /** @param packets each of them JSON. */
  seal(packets: readonly string[], to: string): string {
    return TO_NODE + this.#box.seal(this.#textOf(packets), `node ${to}`);
  }

  sealForAll(packets: readonly string[]): string {
    return TO_ALL + this.#box.seal(this.#textOf(packets), "all");
  }

  /** @returns `undefined` if it is not for this node, or of nobody who has the secret. */
  open(envelope: string): OpenedEnvelope | undefined {
    const isForAll = envelope.startsWith(TO_ALL);
    const place = isForAll ? "all" : `node ${this.#node}`;
    const text = this.#box.open(envelope.slice(1), place);
    return text === undefined ? undefined : read(text, isForAll);
  }

  #textOf(packets: readonly string[]): string {
    return `["${this.#node}",${packets.join()}]`;
  }
}

/** Where nothing is sealed, anything may be in it. */
function read(text: string, isForAll: boolean): OpenedEnvelope | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(content)) return undefined;
  const [sender, ...packets] = content as unknown[];
  if (typeof sender !== "string" || !packets.every(isPacket)) return undefined;
  return { sender, isForAll, packets };
}

/** Whether something is a list whose first item says what it is. */
export function isPacket(value: unknown): value is Packet {
  return Array.isArray(value) && typeof value[0] === "string";
}
