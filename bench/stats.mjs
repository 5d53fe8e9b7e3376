/** @param sorted numbers in ascending order. */
export function percentile(sorted, percent) {
  const index = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.min(Math.max(index, 0), sorted.length - 1)];
}

export function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What `ours` is to `theirs` in each round. Both were measured within seconds of each other, so a
 * slow spell of the machine falls out of the ratio.
 */
export function ratiosOf(ours, theirs) {
  return ours.map((value, round) => value / theirs[round]);
}
