import type { RouterSession } from "../http/router-session.js";

/** What the directory is known to say of a session of this node. */
export interface KnownRecord {
  /** Of its record. */
  key: string;
  /** Of its record, as last known; 0 for none. */
  version: number;
  readonly moves: number;
  readonly page: number;
}

/** One session of this node, and its record. */
export interface KeptSession extends KnownRecord {
  readonly session: RouterSession;
  /** Whether it has changed since it was written. */
  isDirty: boolean;
  /** While it is being written, or looked at. */
  busy: Promise<void> | undefined;
  /** Whether no other node can have it, as far as is known. */
  isSure: boolean;
  /** Whether its record is not to be deleted when it ends: it is, or will be, another's. */
  isGivenAway: boolean;
}

/**
 * Whether what the directory says means that a session is not this node's any more.
 *
 * Each move counts one further. So of two nodes that both went on with a session, after the engine had
 * forgotten one of them, the one has it whose record has more moves.
 *
 * @param node this one.
 */
export function isSuperseded(
  mine: Pick<KnownRecord, "moves">,
  found: { readonly moves: number; readonly home: string | undefined },
  node: string,
): boolean {
  return found.moves > mine.moves || (found.moves === mine.moves && found.home !== node);
}
