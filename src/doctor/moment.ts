/** Units of a span, from the largest down; a unit is used from twice its length on. */
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/** A length of time for people, such as `"3 h"`. */
export function spanText(ms: number): string {
  const [name, length] = UNITS.find(([, unit]) => Math.abs(ms) >= 2 * unit) ?? ["s", 1_000];
  return `${Math.round(Math.abs(ms) / length)} ${name}`;
}

/** How far a moment is from now, such as `"in 3 h"` or `"2 d ago"`. */
export function distanceText(atMs: number, nowMs: number): string {
  return atMs >= nowMs ? `in ${spanText(atMs - nowMs)}` : `${spanText(nowMs - atMs)} ago`;
}

/** The last second that a date can have. @see ECMA-262, section 21.4.1.1 */
const LATEST = 8_640_000_000_000;

/**
 * The date of a claim such as `exp`, without milliseconds.
 *
 * @param seconds since the epoch; issuers write all sorts of things there.
 * @returns `undefined` for what is no time.
 * @see RFC 7519, section 2 (NumericDate)
 */
export function dateText(seconds: unknown): string | undefined {
  if (typeof seconds !== "number" || !(Math.abs(seconds) <= LATEST)) return undefined;
  return new Date(Math.floor(seconds) * 1_000).toISOString().replace(".000", "");
}
