import { withTimeout, TIMED_OUT } from "../../../../src/shared/timeout.js";
import { UpstreamError } from "../../../shared/upstream-error.js";
import type { Logins } from "../storage/records.js";
import type { Login } from "../storage/login.js";
import type { AskAgain, RevalidationResult } from "./ask-provider.js";
import { ConfirmLaterError } from "./login-step.js";

/** How old the last good answer may be. */
export interface RevalidationRules {
  /** Before it is asked again, in milliseconds. */
  readonly revalidateMs: number;
  /** Where it cannot be asked, in milliseconds. */
  readonly signInAgainAfterMs: number;
}

/**
 * What becomes of a login for which a new answer was due.
 *
 * Security decision: a clear no ends it at once. An outage of the provider signs nobody out: for
 * as long again as an answer counts everything goes on, then nothing is given until the provider
 * answers. Where the provider cannot be asked at all, its first answer counts for a time, and then
 * the person signs in again.
 *
 * @param ageMs How old the last good answer is.
 * @see RFC 9700, section 4.14.2; OpenID Connect Core 1.0, section 12
 */
export function afterRevalidation(
  result: RevalidationResult,
  ageMs: number,
  { revalidateMs, signInAgainAfterMs }: RevalidationRules,
): "goes-on" | "ends" | "later" {
  switch (result.kind) {
    case "good":
      return "goes-on";
    case "over":
      return "ends";
    case "no-answer":
      return ageMs < 2 * revalidateMs ? "goes-on" : "later";
    case "cannot-be-asked":
      return ageMs < signInAgainAfterMs ? "goes-on" : "ends";
  }
}

/** How long an answer is waited for, in milliseconds: whoever asks is a client that waits, too. */
const ANSWER_MS = 15_000;

export interface RevalidationParts {
  readonly logins: Logins;
  readonly rules: RevalidationRules;
  readonly ask: AskAgain;
  /** How long an answer is waited for, in milliseconds. Default: 15000. */
  readonly answerMs?: number;
}

/** Asks again for each login before something is given for it, if the last answer is too old. */
export class Revalidation {
  readonly #parts: RevalidationParts;
  readonly #asking = new Map<string, Promise<RevalidationResult>>();

  constructor(parts: RevalidationParts) {
    this.#parts = parts;
  }

  /**
   * The login, if it still counts.
   *
   * @throws ConfirmLaterError when nobody can tell at the moment.
   */
  async confirm(id: string): Promise<Login | undefined> {
    const { logins, rules } = this.#parts;
    const login = await logins.find(id);
    if (login === undefined || !this.#isDue(login)) return login;
    const result = await this.#askOnce(id, login);
    switch (afterRevalidation(result, ageOf(login), rules)) {
      case "goes-on":
        return result.kind === "good" ? await logins.confirm(id) : login;
      case "ends":
        await logins.end(id);
        return undefined;
      case "later": {
        const { cause } = result as { readonly cause?: unknown };
        throw new ConfirmLaterError("the sign-in cannot be confirmed now", { cause });
      }
    }
  }

  /** Clients of one login that refresh together are one question. */
  async #askOnce(id: string, login: Login): Promise<RevalidationResult> {
    const asking =
      this.#asking.get(id) ?? this.#ask(id, login).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return await asking;
  }

  /** A function of the operator's that never answers holds nobody up for ever. */
  async #ask(id: string, login: Login): Promise<RevalidationResult> {
    const { ask, answerMs = ANSWER_MS } = this.#parts;
    try {
      const result = await withTimeout(
        ask(id, login, (stored) => this.#isDue(stored)),
        answerMs,
      );
      if (result !== TIMED_OUT) return result;
      return {
        kind: "no-answer",
        cause: new UpstreamError("unreachable", "nobody answered in time"),
      };
    } catch (cause) {
      return { kind: "no-answer", cause };
    }
  }

  /** Whether somebody can be asked shows when it is tried; so the shorter of the two times counts. */
  #isDue(login: Login): boolean {
    const { revalidateMs, signInAgainAfterMs } = this.#parts.rules;
    return ageOf(login) >= Math.min(revalidateMs, signInAgainAfterMs);
  }
}

function ageOf({ confirmedAt = 0 }: Login): number {
  return Date.now() - confirmedAt;
}
