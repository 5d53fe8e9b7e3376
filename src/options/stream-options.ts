/** How a stream behaves unless told otherwise. */
export const DEFAULT_STREAM_OPTIONS: EventStreamOptions = {
  keepAliveMs: 15000,
  maxQueuedBytes: 4 * 1024 * 1024,
  stallMs: 30000,
};
/** Largest message that is accepted by default: 4 MiB, as in the SDK. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** How a stream behaves between its messages. */
export interface EventStreamOptions {
  /** Milliseconds of silence after which a comment keeps the connection alive; 0 for none. */
  readonly keepAliveMs: number;
  /**
   * Bytes that may wait for the reader before `write` makes its caller wait too. When as many
   * again wait from callers who do not, a reader that is not reading loses its stream.
   */
  readonly maxQueuedBytes: number;
  /** Milliseconds for which a reader may take nothing while something waits for it; then, at the latest after twice that, the stream is cut. 0 for ever. */
  readonly stallMs: number;
}
