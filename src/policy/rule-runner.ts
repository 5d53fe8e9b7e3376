import { isThenable } from "../shared/thenable.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { Findings } from "./findings.js";

/** Is told of a rule that could not be asked, by its name, and why. */
export type FaultListener = (rule: string, cause: unknown) => void;

/** A piece of somebody's code that says something of a call. */
export interface Run {
  /** Of the rule, as errors and the log call it. */
  readonly rule: string;
  readonly ask: () => unknown;
  /** Notes what was said. @throws for an answer that is none */
  readonly take: (answer: unknown) => void;
  /** Whether whatever it says or throws counts for nothing. */
  readonly isMoot?: () => boolean;
}

/**
 * Runs rules' code.
 *
 * Security decision: a throw, a rejection, silence and junk are faults, and with a fault nothing is permitted.
 */
export class RuleRunner {
  readonly #timeoutMs: number;
  readonly #onFault: FaultListener;

  constructor(timeoutMs: number, onFault: FaultListener) {
    this.#timeoutMs = timeoutMs;
    this.#onFault = onFault;
  }

  /** What it comes to is in `findings`, at once where nothing is a promise. Never throws. */
  run(run: Run, findings: Findings): void {
    try {
      const answer = run.ask();
      if (isThenable(answer)) findings.waitFor(this.#wait(run, answer, findings));
      else if (run.isMoot?.() !== true) run.take(answer);
    } catch (error) {
      if (run.isMoot?.() !== true) this.fail(run.rule, error, findings);
    }
  }

  async #wait(run: Run, answer: PromiseLike<unknown>, findings: Findings): Promise<void> {
    try {
      const said = await withTimeout(Promise.resolve(answer), this.#timeoutMs);
      if (run.isMoot?.() === true) return;
      if (said === TIMED_OUT) throw new Error(`no answer within ${this.#timeoutMs} ms`);
      run.take(said);
    } catch (error) {
      if (run.isMoot?.() !== true) this.fail(run.rule, error, findings);
    }
  }

  /** Notes that nobody can tell what a rule says. */
  fail(rule: string, cause: unknown, findings: Findings): void {
    findings.fail(cause);
    this.#onFault(rule, cause);
  }
}
