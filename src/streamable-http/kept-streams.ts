import type { KeptOutbox } from "../http/outbox.js";

/** What one stream leaves that is handed over. JSON. */
export interface KeptStream {
  /** See `StreamPosition`. */
  readonly number: number;
  readonly outbox: KeptOutbox;
  /** Up to here it has left the node. */
  readonly leftSeq: number;
  /** Whether the last that is kept is its answer. */
  readonly isFinished: boolean;
  /** Whether a client has ever listened to it. */
  readonly hasBeenHeard: boolean;
}

/** What the streams of a session leave. JSON. */
export interface KeptStreams {
  /** Of the newest that there was. */
  readonly lastNumber: number;
  readonly standalone: KeptStream;
  /** Those of calls, oldest first. */
  readonly calls: readonly KeptStream[];
}
