import type { FactHub } from "./fact-hub.js";
import type { ClusterFact } from "./facts.js";

/** What tells of other nodes. */
interface ClusterEvents {
  on(event: "up" | "down", listener: () => void): unknown;
  on(event: "node-lost" | "link-lost", listener: (node: string) => void): unknown;
}

/** Makes facts of what happens between nodes. */
export function tellOfCluster(events: ClusterEvents, hub: FactHub): void {
  const tell = (fact: ClusterFact): void => {
    if (hub.has("cluster")) hub.emit("cluster", fact);
  };
  for (const event of ["up", "down"] as const) events.on(event, () => tell({ event }));
  for (const event of ["node-lost", "link-lost"] as const) {
    events.on(event, (node) => tell({ event, node }));
  }
}
