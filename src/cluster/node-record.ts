import type { ClusterNode } from "./cluster-bus.js";
import type { SealBox } from "./seal-box.js";

/** The protocol between nodes that this version speaks. */
const PROTOCOL = 1;

/** Another node, as its record has it. */
export interface KnownNode extends ClusterNode {
  /** Whether it speaks what this version speaks. */
  readonly isSpokenTo: boolean;
}

/** Writes the record of a node, which is there while its lease lasts. */
export function sealRecord(box: SealBox, key: string, isDraining: boolean): string {
  return box.seal(JSON.stringify({ speaks: [PROTOCOL], isDraining }), `key ${key}`);
}

/** @returns `undefined` where there is none that opens. */
export function openRecord(
  box: SealBox,
  key: string,
  id: string,
  sealed: string | undefined,
): KnownNode | undefined {
  const text = sealed === undefined ? undefined : box.open(sealed, `key ${key}`);
  if (text === undefined) return undefined;
  try {
    const { speaks, isDraining } = Object(JSON.parse(text)) as Record<string, unknown>;
    const isSpokenTo = Array.isArray(speaks) && speaks.includes(PROTOCOL);
    return { id, isDraining: isDraining === true, isSpokenTo };
  } catch {
    return undefined;
  }
}
