/**
 * A cluster of routers in one process: for tests of what many nodes do, without any middleware.
 *
 * @module express-mcp-sse/cluster/memory
 */
import { checkOptionNames } from "../shared/check.js";
import { CLUSTER, readClusterOptions } from "./cluster-config.js";
import type { ClusterConfig, ClusterOptions } from "./cluster-config.js";
import { MemoryEngine, MemoryHub } from "./memory-engine.js";

export type { ClusterConfig, ClusterInit, ClusterOptions } from "./cluster-config.js";
export type { SharedCounter } from "../shared/shared-counter.js";
export type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "./engine.js";

/** {@link ClusterOptions}, without the names that an engine of its own does not need. */
export interface MemoryClusterOptions extends Omit<ClusterOptions, "prefix" | "secret"> {
  /** Seals what routers send to each other, as in any cluster. Default: `false`, since nothing leaves the process. */
  secret?: ClusterOptions["secret"];
}

const { prefix: _prefix, ...OWN } = CLUSTER;

/**
 * Makes a cluster of the routers that are given what it returns.
 *
 * ```ts
 * const cluster = memoryCluster();
 * const here = createMcpRouter({ auth, createServer, cluster });
 * const there = createMcpRouter({ auth, createServer, cluster });
 * ```
 *
 * @throws TypeError for a wrong option.
 */
export function memoryCluster(options: MemoryClusterOptions = {}): ClusterConfig {
  checkOptionNames("memoryCluster", options, Object.keys(OWN));
  const hub = new MemoryHub();
  const settings = readClusterOptions("memoryCluster", { secret: false, ...options });
  return { ...settings, createEngine: () => new MemoryEngine(hub) };
}
