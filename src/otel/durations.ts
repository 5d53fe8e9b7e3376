import type { Histogram, Meter } from "@opentelemetry/api";

/** Bounds of what takes as long as a tool, in seconds. @see OpenTelemetry, semantic conventions for MCP, metrics */
const BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** Bounds of what should take no time at all, in seconds. */
export const QUICK_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

/** Measures how long something takes, in seconds. */
export function createDuration(
  meter: Meter,
  name: string,
  description: string,
  bounds: number[] = BUCKETS,
): Histogram {
  const advice = { explicitBucketBoundaries: bounds };
  return meter.createHistogram(name, { description, unit: "s", advice });
}
