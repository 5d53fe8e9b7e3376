import type { Denial, PolicyAsker } from "./policy.js";

/** What the rules that match have come to so far. */
export class Findings {
  readonly #needed: (readonly string[])[] = [];
  readonly #missing: string[] = [];
  #forbidden: { readonly reason?: string } | undefined;
  #fault: { readonly cause: unknown } | undefined;
  readonly #waiting: Promise<void>[] = [];

  isForbidden(): boolean {
    return this.#forbidden !== undefined;
  }

  /** Of several reasons, the first is told. */
  forbid(reason?: string): void {
    if (this.#forbidden?.reason !== undefined) return;
    this.#forbidden = reason === undefined ? {} : { reason };
  }

  /** Nobody can tell what a rule has to say. */
  fail(cause: unknown): void {
    this.#fault ??= { cause };
  }

  need(scopes: readonly string[], asker: PolicyAsker): void {
    this.#needed.push(scopes);
    for (const scope of scopes) if (!asker.satisfies(scope)) this.#missing.push(scope);
  }

  /** @param work never rejects. */
  waitFor(work: Promise<void>): void {
    this.#waiting.push(work);
  }

  /** When all that is waited for is done; `undefined` if that is now. */
  get settled(): Promise<unknown> | undefined {
    return this.#waiting.length === 0 ? undefined : Promise.all(this.#waiting);
  }

  /**
   * What stands against it, if anything.
   *
   * Security decision: scopes are named only where they would help. Whoever may not have something in any case is
   * not sent to fetch more rights for it; and while nobody knows what another rule says, nothing is promised.
   *
   * @param conceals what is denied for a known reason is then not told from what nobody can decide.
   */
  denial(conceals: boolean): Denial | undefined {
    if (this.#forbidden !== undefined) return { code: "forbidden", ...this.#forbidden };
    const isMissing = this.#missing.length > 0;
    if (this.#fault !== undefined) {
      if (isMissing && conceals) return { code: "forbidden" };
      return { code: "policy_unavailable", cause: this.#fault.cause };
    }
    if (!isMissing) return undefined;
    const needed = [...new Set(this.#needed.flat())];
    return { code: "insufficient_scope", needed, missing: [...new Set(this.#missing)] };
  }
}
