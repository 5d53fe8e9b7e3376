import { STREAM_OPTIONS } from "../options/stream-options.js";
import * as opt from "../shared/option.js";

/** Options of `SSEServerTransport`; the first three are the SDK's. */
export interface SSEServerTransportOptions {
  /** `Host` values that POSTs may carry, compared as they are. Default: any. */
  allowedHosts?: string[];
  /** `Origin` values that POSTs may carry, compared as they are. Default: any. */
  allowedOrigins?: string[];
  /** Whether the two lists above are looked at; the SDK does not either, unless told to. Default: false. */
  enableDnsRebindingProtection?: boolean;
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
  allowedHosts: opt.unchecked<readonly string[] | undefined>("list of texts"),
  allowedOrigins: opt.unchecked<readonly string[] | undefined>("list of texts"),
  enableDnsRebindingProtection: opt.flag(false),
  ...STREAM_OPTIONS,
  // As in the SDK.
  maxMessageBytes: opt.number("bytes", 4_194_304, { min: 1 }),
} satisfies opt.Declares<SSEServerTransportOptions>;
