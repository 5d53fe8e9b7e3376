import type { MethodObserver, UpstreamRequest } from "../../src/auth/auth-method.js";

/** Where the parts of a method say what happens that only they know. */
export class MethodReports {
  #observer: MethodObserver | undefined;

  /** Whoever hears of it from now on. */
  readonly observe = (observer: MethodObserver): void => {
    this.#observer = observer;
  };

  /** Whether anybody wants to hear of sign-ins. */
  get hearsSignIns(): boolean {
    return this.#observer?.hearsSignIns === true;
  }

  signedIn(...told: Parameters<MethodObserver["signIn"]>): void {
    this.#observer?.signIn(...told);
  }

  /**
   * Asks somebody, and tells what came of it.
   *
   * @param usesStale whether what is known from before serves, where no answer came.
   */
  async asking<T>(
    request: UpstreamRequest["request"],
    ask: () => Promise<T>,
    usesStale: () => boolean = () => false,
  ): Promise<T> {
    const startedAt = performance.now();
    const tell = (outcome: UpstreamRequest["outcome"]): void => {
      const durationMs = performance.now() - startedAt;
      const isStale = outcome === "failed" && usesStale();
      this.#observer?.upstream({ request, outcome, usesStale: isStale, durationMs });
    };
    try {
      const answer = await ask();
      tell("ok");
      return answer;
    } catch (error) {
      tell("failed");
      throw error;
    }
  }
}
