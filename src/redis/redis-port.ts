/** Hears what comes in on a channel; of the channel's name the end counts, since clients may put something before it. */
export type HearChannel = (message: string, channel: string) => void;

/** A connection that hears channels, of its own beside the user's. */
export interface Listening {
  /** Resolves once it hears. */
  readonly opened: Promise<void>;
  /** What went wrong last: some clients try again for ever rather than reject. */
  readonly trouble: () => unknown;
  /** At any time, also before it hears. */
  close(): void;
}

/** What is asked of a client, whichever package it is of. */
export interface RedisPort {
  /** Whether a command would be sent now; while it is not, a client may keep it for later. */
  readonly isReady: boolean;
  /** Whether nodes of Redis share the keys: then one that counts hearers does not know of all. */
  readonly isCluster: boolean;
  /** Sends a command. @param key one that it is about, by which a cluster finds the node. */
  run(command: readonly string[], key?: string): Promise<unknown>;
  /** Hears channels over a new connection. */
  listen(channels: readonly string[], hear: HearChannel): Listening;
}

/** An error event without a listener ends the process. @returns what went wrong last. */
export function noteErrors(emitter: {
  on(event: "error", listener: (error: unknown) => void): unknown;
}): () => unknown {
  let last: unknown;
  emitter.on("error", (error) => (last = error));
  return () => last;
}
