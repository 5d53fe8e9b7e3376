import * as opt from "../shared/option.js";

/** How an event stream behaves between its messages, for routers and for the drop-in transport. */
export const STREAM_OPTIONS = {
  /** Silence after which a comment keeps the connection alive; 0 for none. */
  keepAliveMs: opt.milliseconds(15_000, 0),
  /**
   * Bytes that may wait for the reader before `write` makes its caller wait too. When as many
   * again wait from callers who do not, a reader that is not reading loses its stream.
   */
  maxQueuedBytes: opt.number("bytes", 4_194_304, { min: 1 }),
  /**
   * For how long a reader may take nothing while something waits for it; then, at the latest after
   * twice that, the stream is cut. 0 for ever.
   */
  stallMs: opt.milliseconds(30_000, 0),
};

/** {@link STREAM_OPTIONS}, checked and complete. */
export type EventStreamOptions = opt.Resolved<typeof STREAM_OPTIONS>;
