import type { ClusterConfig } from "../../../src/cluster/cluster-config.js";
import type { ClusterEngine, EngineWrite } from "../../../src/cluster/engine.js";
import { memoryCluster } from "../../../src/cluster/memory.js";
import { serveMcp } from "../streamable.js";
import type { ServeMcpOptions } from "../streamable.js";
import { SECRET } from "./buses.js";
import { withFaults } from "./faulty-engine.js";
import type { EngineFaults } from "./faulty-engine.js";

/** A node of a cluster in this process, with the switches of its engine. */
export type RouterNode = Awaited<ReturnType<typeof serveMcp>> & {
  readonly faults: EngineFaults;
  readonly engine: WatchedEngine;
  /** Takes the node from the others at once, without a word, as if its process was killed. */
  readonly crash: () => Promise<void>;
  /** The same, and cuts its connections. */
  readonly kill: () => Promise<void>;
};

/** Several of them, and a look into what they share. */
export interface RouterCluster {
  readonly nodes: readonly [RouterNode, RouterNode, ...RouterNode[]];
  readonly shared: ClusterEngine;
  readonly hub: Hub;
}

/** A cluster that knows which engine it has made last. */
export interface Hub {
  readonly config: ClusterConfig;
  /** Whether nobody else could have lost an engine that is found empty. */
  readonly isLocal: boolean;
  last: ClusterEngine | undefined;
}

export type RouterClusterOptions = ServeMcpOptions & {
  readonly count?: number;
  readonly settings?: Parameters<typeof memoryCluster>[0];
  /** Whether the engine will be emptied. Default: no, so that a new one is complete at once. */
  readonly willBeEmptied?: boolean;
};

/** What a node has asked of its engine. */
export class WatchedEngine {
  /** Each with its member's name first. */
  readonly asked: unknown[][] = [];

  constructor(engine: ClusterEngine) {
    for (const name of ["get", "put", "take", "read", "write", "touch"] as const) {
      const ask = engine[name].bind(engine) as (...args: unknown[]) => unknown;
      const watched = (...args: unknown[]): unknown => {
        this.asked.push([name, ...args]);
        return ask(...args);
      };
      Object.assign(engine, { [name]: watched });
    }
  }

  /** What was asked about sessions and their calls. */
  get aboutSessions(): readonly unknown[][] {
    return this.asked.filter(([, keys]) => /"[sc]:/.test(JSON.stringify(keys)));
  }

  /** Names of all pages of calls that were written. */
  get pages(): readonly string[] {
    const writes = this.asked.filter(([name]) => name === "write");
    const keys = writes.flatMap(([, all]) => (all as EngineWrite[]).map(({ key }) => key));
    return [...new Set(keys.filter((key) => key.startsWith("c:")))];
  }

  /** Names of all records that were written. */
  get records(): readonly string[] {
    const written = this.asked.filter(([name]) => name === "put").map(([, key]) => key as string);
    return [...new Set(written.filter((key) => key.startsWith("s:")))];
  }
}

/** Serves nodes of one cluster, each on a port of its own, with what it is served with. */
export async function serveCluster(options: RouterClusterOptions = {}): Promise<RouterCluster> {
  const { count = 2, settings, willBeEmptied = false, ...rest } = options;
  const cluster = memoryCluster({ secret: SECRET, ...settings });
  const hub: Hub = {
    config: { ...cluster, createEngine: () => (hub.last = cluster.createEngine()) },
    isLocal: !willBeEmptied,
    last: undefined,
  };
  const nodes: RouterNode[] = [];
  for (let n = 0; n < count; n++) nodes.push(await serveNode(hub, rest));
  return { nodes: nodes as never as RouterCluster["nodes"], shared: cluster.createEngine(), hub };
}

/** One more node. */
export async function serveNode(hub: Hub, options: ServeMcpOptions): Promise<RouterNode> {
  const { cluster, faults } = withFaults(hub.config);
  let engine: WatchedEngine | undefined;
  let leave: () => Promise<void> = () => Promise.resolve();
  const createEngine = (): ClusterEngine => {
    const made = cluster.createEngine();
    // Of the faulty one, nobody would hear it.
    const whole = hub.last!;
    leave = () => whole.leave();
    engine = new WatchedEngine(made);
    // One that finds nothing waits for no others that may have lost it, where there are none.
    return Object.assign(made, { isLocal: hub.isLocal });
  };
  const served = await serveMcp({ ...options, cluster: { ...cluster, createEngine } });
  await served.router.ready();
  const crash = async (): Promise<void> => {
    faults.isAway = true;
    await leave();
  };
  const kill = async (): Promise<void> => {
    await crash();
    served.server.close();
    served.server.closeAllConnections();
  };
  return { ...served, faults, engine: engine!, crash, kill };
}
