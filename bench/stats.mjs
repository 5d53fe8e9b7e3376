/** @param sorted numbers in ascending order. */
export function percentile(sorted, percent) {
  const index = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.min(Math.max(index, 0), sorted.length - 1)];
}

export function median(numbers) {
  return quantile(ascending(numbers), 0.5);
}

/** Between which the middle half of the numbers is; `undefined` for fewer than four. */
export function quartiles(numbers) {
  const sorted = ascending(numbers);
  if (sorted.length < 4) return undefined;
  return { low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

function ascending(numbers) {
  return numbers.filter(Number.isFinite).sort((a, b) => a - b);
}

/** Interpolated between neighbours. */
function quantile(sorted, share) {
  if (sorted.length === 0) return undefined;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/**
 * What `ours` is to `theirs` in each round. Both were measured within seconds of each other, so a
 * slow spell of the machine falls out of the ratio.
 */
export function ratiosOf(ours, theirs) {
  return ours.map((value, round) => value / theirs[round]);
}
