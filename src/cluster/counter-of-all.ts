import { deriveKey } from "../shared/seal.js";
import type { SharedCounter } from "../shared/shared-counter.js";
import type { ClusterConfig } from "./cluster-config.js";
import { ClusterNames } from "./cluster-names.js";

/** What is counted: bad credentials of an address, or calls that a rule of the policy limits. */
export type Counted = "address" | "rule";

/**
 * What counts for all nodes; `undefined` where each counts for itself.
 *
 * Security decision: addresses, principals and names are digests that only who has the secret can make, so that nobody
 * who reads the engine learns who calls.
 */
export function counterOfAll(
  counted: Counted,
  windowMs: number,
  config: ClusterConfig | undefined,
): SharedCounter | undefined {
  if (config?.createCounter === undefined) return undefined;
  const { secret, prefix } = config;
  const [newest = prefix] = secret === false ? [] : secret;
  const names = new ClusterNames(deriveKey(newest, "express-mcp-sse counters"));
  const counter = config.createCounter(windowMs);
  return { penalty: (key) => counter.penalty(names.of(counted, key)) };
}
