/** Work that was begun and that somebody may want to see the end of. */
export class PendingWork {
  readonly #all = new Set<Promise<unknown>>();

  /** Whether nothing of it is under way. */
  get isDone(): boolean {
    return this.#all.size === 0;
  }

  /** Remembers work, which must not reject, until it is done. */
  add(work: Promise<unknown>): void {
    this.#all.add(work);
    void work.then(() => this.#all.delete(work));
  }

  /** Resolves when all of it is done, what is added meanwhile included. */
  async done(): Promise<void> {
    while (this.#all.size > 0) await Promise.all(this.#all);
  }
}
