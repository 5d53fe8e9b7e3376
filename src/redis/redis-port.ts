/** Hears what comes in on a channel; of the channel's name the end counts, since clients may put something before it. */
export type HearChannel = (message: string, channel: string) => void;

/** A connection that hears channels, of its own beside the user's. */
export interface Listening {
  /** Resolves once it hears; what it is rejected with when it cannot says nothing to anybody. */
  readonly opened: Promise<void>;
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

/** An error event of a connection that has no listener would end the process; what fails is told where it is asked. */
export function ignoreErrors(emitter: { on(event: "error", listener: () => void): unknown }): void {
  emitter.on("error", () => undefined);
}
