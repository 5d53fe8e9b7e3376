import { REBINDING_OPTIONS } from "../http/rebinding-protection.js";
import type { RebindingProtection } from "../http/rebinding-protection.js";
import { STREAM_OPTIONS } from "../options/stream-options.js";
import * as opt from "../shared/option.js";

/** Options of `SSEServerTransport`: the SDK's, which are looked at for POSTs, and a few more. */
export interface SSEServerTransportOptions extends RebindingProtection {
  /** Milliseconds of silence after which a comment keeps the stream alive; 0 for none. Default: 15000 (15 seconds). */
  keepAliveMs?: number;
  /**
   * Bytes that may wait for a slow reader before `send` waits too. When as many again wait from
   * senders that do not wait themselves, a reader that takes nothing for 15 seconds loses its
   * stream. Default: 4194304 (4 MiB).
   */
  maxQueuedBytes?: number;
  /** Milliseconds after which a reader that takes nothing of what waits for it loses its stream; 0 for never. Default: 30000 (30 seconds). */
  stallMs?: number;
  /** Longest POST body in bytes. Default: 4194304 (4 MiB). */
  maxMessageBytes?: number;
}

/** {@link SSEServerTransportOptions}. */
export const TRANSPORT_OPTIONS = {
  ...REBINDING_OPTIONS,
  ...STREAM_OPTIONS,
  // As in the SDK.
  maxMessageBytes: opt.number("bytes", 4_194_304, { min: 1 }),
} satisfies opt.Declares<SSEServerTransportOptions>;
