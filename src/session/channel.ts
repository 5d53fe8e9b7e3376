/**
 * Why a stream ended: we ended it, the peer or the network did, the reader took nothing for too
 * long, or it did not read while too much was waiting for it.
 */
export type StreamEnd = "ended" | "disconnected" | "stalled" | "overrun";
