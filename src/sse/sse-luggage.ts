import { unanswered } from "../http/lost-calls.js";
import type { MovedSession, OpenCall } from "../http/moved-session.js";
import { emptyOutbox } from "../http/outbox.js";
import type { KeptOutbox } from "../http/outbox.js";
import type { ClientTraits } from "./resume.js";

/** What another node has to know of the client of such a session, at any time. JSON. */
export interface SseTraits extends ClientTraits {
  /** See `SseChannelOptions`; until it has sent something. */
  readonly isStale: boolean;
}

/** What a session leaves that is handed over. JSON. */
export interface KeptSse {
  /** How many streams it has had. */
  readonly attachments: number;
  readonly outbox: KeptOutbox;
}

/** All that a channel begins with that goes on at another node. */
export interface SseLuggage extends SseTraits, KeptSse {
  /** Whether the client answers pings. */
  readonly isInitialized: boolean;
  /** Calls whose clients are to be told that they were lost. */
  readonly lost: readonly OpenCall[];
}

/**
 * How many streams a session counts as having had in one life, at most: its client has to see another
 * endpoint with each stream, and nobody knows how many there were at a node that has died.
 */
const STREAMS_OF_LIFE = 1_000_000;

export function sseLuggage(moved: MovedSession): SseLuggage {
  const { moves, handshake, lost } = moved;
  const traits = moved.traits as SseTraits;
  const kept = moved.kept as KeptSse | undefined;
  const outbox = kept?.outbox ?? emptyOutbox(moves);
  // The client gets that answer from the new server.
  const told = lost.filter(({ id }) => id !== handshake?.id);
  return {
    ...traits,
    attachments: kept?.attachments ?? moves * STREAMS_OF_LIFE,
    outbox,
    isInitialized: handshake?.isInitialized ?? false,
    lost: unanswered(told, outbox.messages),
  };
}

/** Whether the answer to `initialize` was lost, for which the client waits. */
export function isOpeningLost({ lost, handshake, kept }: MovedSession): boolean {
  if (handshake?.protocolVersion === undefined) return true;
  const { messages } = (kept as KeptSse | undefined)?.outbox ?? emptyOutbox(0);
  return unanswered(lost, messages).some(({ id }) => id === handshake.id);
}
