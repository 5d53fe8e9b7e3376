import { memoryCluster } from "../../../src/cluster/memory.js";
import type { MemoryClusterOptions } from "../../../src/cluster/memory.js";
import type { ClusterEngine } from "../../../src/cluster/engine.js";
import { serveRouter } from "../serve.js";
import type { ServeRouterOptions } from "../serve.js";
import { Facts } from "../session-facts.js";
import { withFaults } from "./faulty-engine.js";

/** A router of a cluster, with what can go wrong between it and its engine. */
export type MemoryNode = Awaited<ReturnType<typeof serveNode>>;

export interface NodesOptions extends ServeRouterOptions {
  readonly memory?: MemoryClusterOptions;
}

/** Routers that are the nodes of one cluster, at ports of their own. */
export async function serveNodes(
  { memory, ...options }: NodesOptions = {},
  count = 2,
): Promise<[MemoryNode, MemoryNode, ...MemoryNode[]]> {
  const cluster = memoryCluster({ secret: "s".repeat(32), leaseMs: 1_000, ...memory });
  const nodes: MemoryNode[] = [];
  for (let n = 0; n < count; n++) nodes.push(await serveNode(cluster, options));
  return nodes as [MemoryNode, MemoryNode, ...MemoryNode[]];
}

async function serveNode(shared: ReturnType<typeof memoryCluster>, options: ServeRouterOptions) {
  const { cluster, faults } = withFaults(shared);
  let engine: ClusterEngine | undefined;
  const createEngine = () => (engine = cluster.createEngine());
  const served = await serveRouter({ ...options, cluster: { ...cluster, createEngine } });
  return {
    ...served,
    faults,
    facts: new Facts(served.sessions),
    /** As SIGKILL does, as far as the others can tell. */
    kill: async () => {
      await engine?.leave();
      faults.isAway = true;
    },
  };
}

/** The same URL at another node. */
export function at({ origin }: { readonly origin: string }, url: string): string {
  const { pathname, search } = new URL(url);
  return `${origin}${pathname}${search}`;
}
