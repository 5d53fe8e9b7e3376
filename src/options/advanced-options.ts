import * as opt from "../shared/option.js";

/** Tuning that there is no reason to change before something was measured, or went wrong. */
export interface AdvancedOptions {
  /**
   * Streams of one principal whose client has sent nothing yet; the oldest makes room for the next;
   * 0 for no limit. They do not count as sessions. On an open endpoint as many are kept as there
   * may be sessions. Default: 100.
   */
  maxUninitialized?: number;
  /**
   * Milliseconds for which POSTs of a session with the identical credential are not verified again, nor
   * requests without a session (2026-07-28, `router.guard`) with the identical token or API key. Expiry
   * is looked at each time, and what may be revoked at any moment is asked each time: introspected
   * tokens, API keys of a `verify` function, other Passport strategies. 0 verifies every request.
   * Default: 30000 (30 seconds).
   */
  revalidateAfterMs?: number;
  /** Milliseconds that a client that comes back over HTTP+SSE may take to show which session is its own. Default: 2000 (2 seconds). */
  probeMs?: number;
  /**
   * Whether a client of HTTP+SSE that goes on as if its session were there, although it is gone, is
   * made to close, so that its calls fail at once and not at their time-out. Default: true.
   */
  closeLostClients?: boolean;
}

/** {@link AdvancedOptions}. */
export const ADVANCED = opt.block({
  maxUninitialized: opt.wholeNumber("streams", 100, "for no limit"),
  revalidateAfterMs: opt.milliseconds(30_000, 0),
  probeMs: opt.milliseconds(2_000),
  closeLostClients: opt.flag(true),
} satisfies opt.Declares<AdvancedOptions>);
