import type { ClusterEngine } from "./engine.js";

/**
 * What option `cluster` takes: an engine with how it is used. `redisCluster()` and
 * `memoryCluster()` make one.
 */
export interface ClusterConfig {
  readonly engine: ClusterEngine;
  /** The first seals; all of them open. `undefined`: nothing is sealed, for an engine that is ours alone. */
  readonly secret: readonly string[] | undefined;
  /** What names in the engine begin with: endpoints with the same share their sessions. */
  readonly prefix: string;
  /** Milliseconds after which a node that does not answer counts as gone. */
  readonly leaseMs: number;
  /** Milliseconds that a request may wait for its session's node. */
  readonly relayTimeoutMs: number;
  /** Whether sessions go on at another node; else they end with theirs. */
  readonly move: boolean;
  /** Whether a call is written down before its 202, or every few milliseconds. */
  readonly calls: "exact" | "recent";
  /** Whether tools see the bearer token; it then travels, sealed. */
  readonly carryToken: boolean;
}
