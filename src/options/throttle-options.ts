import * as opt from "../shared/option.js";

/**
 * How many bad credentials one address may send. Callers with a good one are never affected, nor
 * are those who send none, or one that has merely expired. Beyond that, no issuer is asked about a
 * token of that address that was never good before: it is answered 429, too.
 */
export interface ThrottleConfig {
  /** Refused credentials within the window; further ones are answered 429 instead of 401. Default: 20. */
  maxFailures?: number;
  /** Milliseconds that a window lasts, from the first refused credential on. Default: 60000 (1 minute). */
  windowMs?: number;
}

/** {@link ThrottleConfig}. */
export const THROTTLE = opt.block({
  maxFailures: opt.number("failures", 20, { min: 1 }),
  windowMs: opt.milliseconds(60_000),
} satisfies opt.Declares<ThrottleConfig>);
