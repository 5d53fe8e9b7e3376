/** How a session outlives its streams. */
export interface ResumeOptions {
  /** Milliseconds for which a session waits for its client to come back. */
  readonly graceMs: number;
  /** Bytes of messages that are kept for a client until it is known to have them. */
  readonly maxBufferedBytes: number;
  /** Milliseconds after which clients come back to a stream that was cut. */
  readonly retryMs: number;
  /** Milliseconds for which a returning client may take to say which session is its own. */
  readonly probeMs: number;
  /** Whether a client whose session is gone is made to close, so that its calls fail at once. */
  readonly closeLostClients: boolean;
}
