import { memoryCluster } from "../../src/cluster/memory.js";
import { withFaults } from "../kit/cluster/faulty-engine.js";
import type { FaultyCluster } from "../kit/cluster/faulty-engine.js";

/** Two nodes of a cluster, of which the first has faults, and what the other hears. */
async function twoNodes(): Promise<
  FaultyCluster & { heard: string[]; flush: () => Promise<void> }
> {
  const cluster = memoryCluster();
  const faulty = withFaults(cluster);
  const heard: string[] = [];
  await cluster.createEngine().join("b", (message) => void heard.push(message));
  return { ...faulty, heard, flush: () => new Promise((resolve) => void setImmediate(resolve)) };
}

describe("an engine with faults", () => {
  it("delivers in order as long as no switch is on", async () => {
    const { cluster, heard, flush } = await twoNodes();
    const engine = cluster.createEngine();
    for (const message of ["1", "2", "3"]) expect(await engine.send("b", message)).toBe("sent");
    expect(await engine.send("nobody", "4")).toBe("nobody");
    await flush();
    expect(heard).toEqual(["1", "2", "3"]);
  });

  it("drops, doubles, and holds messages until they are released", async () => {
    const { cluster, faults, heard, flush } = await twoNodes();
    const engine = cluster.createEngine();
    faults.fateOf = (message) => (message as "drop" | "double").slice(0, -1) as "drop" | "double";
    for (const message of ["drop1", "hold1", "double1", "hold2", "pass1"]) {
      expect(await engine.send("b", message)).toBe("sent");
    }
    await flush();
    expect(heard).toEqual(["double1", "double1", "pass1"]);
    expect(faults.held).toBe(2);
    faults.release("reversed");
    await flush();
    expect(heard.slice(3)).toEqual(["hold2", "hold1"]);
  });

  it("is away, is deaf, loses answers, and its keys", async () => {
    const { cluster, faults, flush } = await twoNodes();
    const engine = cluster.createEngine();
    const heard: string[] = [];
    await engine.join("a", (message) => void heard.push(message));
    faults.losesAnswers = true;
    await expect(engine.put("k", "v", 0, 1_000)).rejects.toThrow("lost");
    faults.losesAnswers = false;
    expect(await engine.get("k")).toEqual({ value: "v", version: 1 });
    faults.isAway = true;
    await expect(engine.get("k")).rejects.toThrow("away");
    faults.isAway = false;
    faults.isDeaf = true;
    await engine.send("a", "unheard");
    await flush();
    expect(heard).toEqual([]);
    faults.empty();
    expect(await engine.get("k")).toBeUndefined();
  });
});
