/** Counts how often something happened for a key within a window that begins with the first time. */
export interface SharedCounter {
  /** Counts one more; rejects soon when nobody can tell. */
  penalty(key: string): Promise<{ readonly consumedPoints: number; readonly msBeforeNext: number }>;
}
