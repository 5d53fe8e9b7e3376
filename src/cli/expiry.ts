import { LATEST_SECONDS } from "../../strategies/apikey/api-key-list.js";
import { UsageError } from "./usage.js";

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A date, and perhaps a time that says of which zone it is. @see RFC 3339, section 5.6 */
const DATE = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * When a key ends, in seconds since the epoch: `90d`, `12h`, or a date.
 *
 * @throws UsageError, also for what is over already.
 */
export function readExpiry(text: string, now = Date.now()): number {
  const [, count, unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const seconds = Math.floor(now / 1000);
  const end = count === undefined ? readDate(text) : seconds + Number(count) * (SECONDS[unit] ?? 0);
  if (end <= seconds) throw new UsageError("--expires is over already");
  if (end >= LATEST_SECONDS) {
    throw new UsageError("--expires is too far away: leave it out for a key without an end");
  }
  return end;
}

function readDate(text: string): number {
  const [, day = ""] = DATE.exec(text) ?? [];
  const isDay = !Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day);
  const end = isDay ? Date.parse(text) : NaN;
  if (Number.isNaN(end)) {
    throw new UsageError("--expires must be such as 90d, 12h, 2027-01-31 or 2027-01-31T18:00Z");
  }
  return Math.floor(end / 1000);
}
