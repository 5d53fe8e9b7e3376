/**
 * When something to be written was taken by the socket or its bounded queue: at once, which is
 * `undefined`, or later. Almost always it is at once, and a promise for each message is not free.
 */
export type WriteResult = Promise<void> | undefined;

/** Counts what is held for somebody. */
export interface ByteHolder {
  /** So many bytes more are held, or, with a negative number, less. */
  hold(bytes: number): void;
}
