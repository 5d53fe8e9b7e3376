/** A value of an engine's directory, with the version that compare-and-set goes by. */
export interface VersionedValue {
  readonly value: string;
  /** From 1. */
  readonly version: number;
}

/** One write of many; see {@link ClusterEngine.write}. */
export interface EngineWrite {
  readonly key: string;
  /** `undefined` deletes the key. */
  readonly value: string | undefined;
  /** Milliseconds until the key is forgotten. */
  readonly ttlMs: number;
}

/**
 * What carries a cluster: messages between nodes, and a small directory of short texts.
 *
 * **You implement** the members below over some middleware; `memoryCluster` and `redisCluster` are
 * two, and `express-mcp-sse/cluster/contract` checks any other. Everything else is this package's:
 * what is sent is sealed and numbered before it comes here, names are digests, and whose session it
 * is, is decided by the nodes. So an engine need not be trusted, and need not deliver reliably:
 * what is lost is sent again, what comes twice counts once, and what comes out of order is put in
 * order. It must only not invent an order of its own for {@link put}, {@link take} and
 * {@link SetIndex.addUnlessFull}, which are atomic.
 *
 * | member | who calls it, and when | what a rejection means |
 * |---|---|---|
 * | `join` | when a router begins to listen, and after a `leave` | the node is `down`, and joins again |
 * | `leave` | when it has been closed, or hears nothing any more while all else works: then it joins anew | the same |
 * | `send`, `broadcast` | for each batch of messages: as a rule once a tick for each node | as if it was lost |
 * | `get`, `put`, `write`, `take`, `touch` | for what belongs to sessions: when one begins, moves or ends, and while it has calls | nobody can tell: requests that need it wait, and are answered 503 |
 * | `index` | for nodes (every few seconds), and for an owner's sessions | the same |
 *
 * A promise must settle within a few seconds, since requests wait for it: reject when the
 * middleware is away, and do not queue.
 */
export interface ClusterEngine {
  /**
   * Hears what is sent to `node`, and to all. Resolves once it does.
   *
   * @param hear must not throw. Called with each message as it was sent; also after the engine has
   * lost its connection and found it again, without another `join`.
   */
  join(node: string, hear: (message: string) => void): Promise<void>;
  /**
   * Sends to one node. It must keep the order of one sender's messages to one node as a rule.
   *
   * @returns `"nobody"` only if it is certain that no one heard, such as a publish without a
   * subscriber; otherwise `"sent"`, which promises nothing.
   */
  send(node: string, message: string): Promise<"sent" | "nobody">;
  /** Sends to all nodes, the sender included. */
  broadcast(message: string): Promise<void>;
  /** @returns `undefined` where there is none, or its time is over. */
  get(key: string): Promise<VersionedValue | undefined>;
  /**
   * Sets a value if its version is still `version`, and makes that `version + 1`. Atomic.
   *
   * @param version 0: if there is none.
   * @returns whether it did.
   */
  put(key: string, value: string, version: number, ttlMs: number): Promise<boolean>;
  /** Deletes a value if its version is still `version`. Atomic. @returns whether it did. */
  take(key: string, version: number): Promise<boolean>;
  /** Values without versions, in the order of `keys`. */
  read(keys: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Sets and deletes values without versions, many in one exchange. */
  write(writes: readonly EngineWrite[]): Promise<void>;
  /** Lets keys of either kind live `ttlMs` milliseconds from now, many in one exchange; those that are gone stay gone. */
  touch(keys: readonly string[], ttlMs: number): Promise<void>;
  readonly index: SetIndex;
  /**
   * Whether it is this process's own, so that it is never away and loses nothing while nodes live. Default:
   * false, and nodes that find it empty wait for others that may have lost it as well.
   */
  readonly isLocal?: boolean;
  /** Hears nothing any more. Keys stay until their time is over. */
  leave(): Promise<void>;
}

/** Sets of names, each name with a time after which it counts for nothing. */
export interface SetIndex {
  /** Adds a name, or gives it another time. @param untilMs milliseconds since the epoch. */
  add(set: string, name: string, untilMs: number): Promise<void>;
  /** Takes a name out; one that is not there is no error. */
  remove(set: string, name: string): Promise<void>;
  /** Those whose time is not over, in no order. */
  list(set: string): Promise<readonly string[]>;
  /**
   * Adds a name, unless `max` others count. Atomic: of several that find one place, one gets it. A name
   * that is there keeps its place, and gets the time.
   *
   * @returns whether it is there now.
   */
  addUnlessFull(set: string, name: string, untilMs: number, max: number): Promise<boolean>;
}
