import { clusterEngineContract } from "../../src/cluster-contract/index.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { withFaults } from "../kit/cluster/faulty-engine.js";

describe("the memory engine", () => {
  const { cluster, faults } = withFaults(memoryCluster());
  const checks = clusterEngineContract({
    create: cluster.createEngine,
    outage: { begin: () => void (faults.isAway = true), end: () => void (faults.isAway = false) },
    cut: { notApplicable: "there is no connection" },
  });
  it.each(checks)("$name", async ({ run }) => {
    await run();
  });
});
