import { CLUSTER, readClusterOptions } from "../cluster/cluster-config.js";
import type { ClusterConfig, ClusterInit } from "../cluster/cluster-config.js";
import { checkOptionNames, optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** The other nodes; `undefined` where there are none. */
export const cluster: opt.Option<ClusterConfig | undefined> = opt.custom(
  "what `redisCluster` or `memoryCluster` makes",
  (name, value) => (value === undefined ? undefined : readCluster(name, value)),
);

/** Whoever has an engine of their own writes the options beside it: so they are checked here, too. */
function readCluster(name: string, value: unknown): ClusterConfig {
  const { createEngine, createCounter } = Object(value) as Partial<ClusterInit>;
  if (typeof createEngine === "function") {
    checkOptionNames(name, value, ["createEngine", "createCounter", ...Object.keys(CLUSTER)]);
    const own = { createEngine, ...(createCounter !== undefined && { createCounter }) };
    return { ...own, ...readClusterOptions(name, value) };
  }
  throw optionError(
    name,
    "is no cluster",
    'Write redisCluster({ client, secret }), from "express-mcp-sse/cluster/redis"; for routers of one ' +
      'process memoryCluster(), from "express-mcp-sse/cluster/memory"; for an engine of your own ' +
      "{ createEngine, secret }.",
  );
}

/** Two ways to go on with a session at another node would disagree on whose it is. */
export function refuseRestore(path: string, isGiven: boolean): void {
  if (!isGiven) return;
  throw optionError(
    `${path}.sessions.restore`,
    "does nothing that cluster does not do",
    "Leave it out: with cluster, sessions go on at other nodes with all that was kept, and a restart of one node at a time loses none.",
  );
}
