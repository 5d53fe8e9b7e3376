/**
 * Where requests have found the router; strangers' too, so nothing that a header says goes in
 * here, and another spelling of a path is no other path.
 */
export class MountPaths {
  readonly #seen = new Map<string, string>();

  add(base: string): void {
    // Some hosts decode a path before they look where it leads.
    if (!/^(?:\/[\w.~-]+)*$/.test(base)) return;
    const key = base.toLowerCase();
    // Two are as good as many: then none of them is the one.
    if (this.#seen.size < 2 && !this.#seen.has(key)) this.#seen.set(key, base);
  }

  /** The one mount path; `undefined` while none, or more than one, is known. */
  get only(): string | undefined {
    return this.#seen.size === 1 ? [...this.#seen.values()][0] : undefined;
  }
}
