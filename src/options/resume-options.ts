import * as opt from "../shared/option.js";
import type { ADVANCED } from "./advanced-options.js";

/**
 * What happens when a stream is cut: the session waits for its client, keeps what is sent
 * meanwhile, and goes on where it was.
 */
export interface ResumeConfig {
  /** Milliseconds for which a session waits for its client. Default: 60000 (1 minute). */
  graceMs?: number;
  /**
   * Bytes of messages that are kept until the client is known to have them. More than that while
   * it is away ends the session; while it listens, the oldest are forgotten. Default: 1048576
   * (1 MiB).
   */
  maxBufferedBytes?: number;
  /** Milliseconds after which clients come back to a stream that was cut. Default: 1000 (1 second). */
  retryMs?: number;
  /** @deprecated Write `advanced.probeMs`. */
  probeMs?: number;
  /** @deprecated Write `advanced.closeLostClients`. */
  closeLostClients?: boolean;
}

/** {@link ResumeConfig}. */
export const RESUME = opt.block({
  graceMs: opt.milliseconds(60_000),
  maxBufferedBytes: opt.number("bytes", 1_048_576, { min: 1 }),
  // Clients ignore a time that is not written in digits only.
  retryMs: opt.checked(opt.milliseconds(1_000), (_name, value) => Math.ceil(value)),
  ...opt.movedTo("advanced", "probeMs", "closeLostClients"),
} satisfies opt.Declares<ResumeConfig>);

/** How a session outlives its streams. */
export type ResumeOptions = Omit<opt.Settings<typeof RESUME>, "probeMs" | "closeLostClients"> &
  Pick<opt.Settings<typeof ADVANCED>, "probeMs" | "closeLostClients">;

/** How long what was sent is kept, how much of it, and how soon clients come back for it. */
export type KeptOptions = Pick<ResumeOptions, "graceMs" | "maxBufferedBytes" | "retryMs">;
