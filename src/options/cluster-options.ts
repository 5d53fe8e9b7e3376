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

/** Headers with credentials, whoever reads them: no other node is told of one. */
export const NEVER_CARRIED: readonly string[] = ["authorization", "cookie", "proxy-authorization"];

/**
 * Security decision: what no other node is told of cannot be compared there. A session that is bound to it would be
 * found at the node that has it, and nowhere else.
 *
 * @param credentialHeaders in which methods look for credentials, in lower case.
 * @throws TypeError for a header that stays where it has come in.
 */
export function refuseUncarried(
  path: string,
  boundHeaders: readonly string[],
  credentialHeaders: readonly string[],
): void {
  const uncarried = [...NEVER_CARRIED, ...credentialHeaders];
  const [name] = boundHeaders.filter((header) => uncarried.includes(header));
  if (name === undefined) return;
  throw optionError(
    `${path}.sessions.boundHeaders`,
    `holds ${name}, which never leaves the node that gets it, so that no other node of the cluster could compare it`,
    "Leave it out: whose a session is, is compared in any case. Name a header that holds no credential.",
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
