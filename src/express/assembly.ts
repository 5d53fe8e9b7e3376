import type { RouterCluster } from "../cluster/router-cluster.js";
import type { CallerGuard } from "../http/caller-guard.js";
import type { Discovery } from "../http/discovery.js";
import type { Pipeline } from "../http/pipeline.js";
import type { Refusals } from "../http/refusals.js";
import type { Sessions } from "../http/router-session.js";
import type { FactHub } from "../observe/fact-hub.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { Wires } from "../options/streamable-options.js";
import type { ChangeBus } from "../streamable-http/change-bus.js";

/** The parts of one endpoint, each made once; what serves it puts them to use. */
export interface Assembly {
  readonly options: ResolvedOptions;
  readonly wires: Wires;
  readonly sessions: Sessions;
  readonly discovery: Discovery;
  readonly callers: CallerGuard;
  readonly refusals: Refusals;
  readonly pipeline: Pipeline;
  readonly bus: ChangeBus;
  readonly hub: FactHub;
  /** What an application sees of other nodes; `undefined` where there are none. */
  readonly cluster: RouterCluster | undefined;
}
