import { block, checked, milliseconds, movedTo, number } from "../shared/option.js";
import type { Declares, Settings } from "../shared/option.js";
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
export const RESUME = block({
  graceMs: milliseconds(60_000),
  maxBufferedBytes: number("bytes", 1_048_576, { min: 1 }),
  // Clients ignore a time that is not written in digits only.
  retryMs: checked(milliseconds(1_000), (_name, value) => Math.ceil(value)),
  ...movedTo("advanced", "probeMs", "closeLostClients"),
} satisfies Declares<ResumeConfig>);

/** How a session outlives its streams. */
export type ResumeOptions = Pick<
  Settings<typeof RESUME>,
  "graceMs" | "maxBufferedBytes" | "retryMs"
> &
  Pick<Settings<typeof ADVANCED>, "probeMs" | "closeLostClients">;
