import type { Meter } from "@opentelemetry/api";
import { createDuration } from "./durations.js";
import type { FactListeners } from "./fact-listeners.js";

/** What goes on between the nodes of a cluster, as this process sees it. */
export function measureCluster(meter: Meter, facts: FactListeners): void {
  const relays = createDuration(
    meter,
    "express_mcp_sse.cluster.relay.duration",
    "How long other nodes took to answer requests that came here.",
  );
  const losses = meter.createCounter("express_mcp_sse.cluster.losses", {
    description: "Links to other nodes that broke, and nodes that are gone.",
    unit: "{event}",
  });
  const engine = meter.createObservableGauge("express_mcp_sse.cluster.engine.up", {
    description: "Whether the nodes can reach each other: 1, or 0.",
    unit: "{engine}",
  });
  const isUp = new Map<string, boolean>();

  facts.on("cluster", (fact, router) => {
    const of = { "express_mcp_sse.router": router };
    if (fact.event === "relayed") {
      relays.record(fact.durationMs / 1000, { ...of, "express_mcp_sse.outcome": fact.outcome });
    } else if (fact.event === "up" || fact.event === "down") {
      isUp.set(router, fact.event === "up");
    } else losses.add(1, { ...of, "express_mcp_sse.event": fact.event });
  });
  const observe: Parameters<typeof engine.addCallback>[0] = (result) => {
    for (const [router, up] of isUp) {
      result.observe(up ? 1 : 0, { "express_mcp_sse.router": router });
    }
  };
  engine.addCallback(observe);
  facts.onStop(() => engine.removeCallback(observe));
}
