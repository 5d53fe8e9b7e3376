/** Work that was begun and that somebody may want to see the end of. */
export interface PendingWork {
  /** Whether nothing of it is under way. */
  readonly isDone: boolean;
  /** Remembers work, which must not reject, until it is done. */
  add(work: Promise<unknown>): void;
  /** Resolves when all of it is done, what is added meanwhile included. */
  done(): Promise<void>;
}

export function pendingWork(): PendingWork {
  const all = new Set<Promise<unknown>>();
  return {
    get isDone() {
      return all.size === 0;
    },
    add(work) {
      all.add(work);
      void work.then(() => all.delete(work));
    },
    async done() {
      while (all.size > 0) await Promise.all(all);
    },
  };
}
