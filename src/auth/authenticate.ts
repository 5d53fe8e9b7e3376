import type { IncomingMessage } from "node:http";
import { RETRY_SOON_SECONDS } from "../shared/errors.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { AuthMethod, FoundCredential, ScopeRule } from "./auth-method.js";
import { createAuthInfo, createPrincipal, ownerKey } from "./principal.js";
import type { Principal } from "./principal.js";
import { refuseUnclaimed, mostSpecific } from "./outcome.js";
import type { Caller, Outcome, Refusal } from "./outcome.js";
import { hasRepeatedAuthorization } from "./repeated-authorization.js";
import { revisionOf } from "./revision.js";
import { isCovered } from "./covered-scope.js";
import { refusalOf } from "./refusal.js";
import { StrategyRunner } from "./strategy-runner.js";
import type { StrategyAnswer } from "./strategy-runner.js";

const DEFAULT_TIMEOUT_MS = 10_000;

/** The caller of an endpoint with `auth: false`. */
export const ANONYMOUS: Caller = Object.freeze({
  principal: undefined,
  authInfo: undefined,
  methodsTried: [],
  verifiedAt: 0,
  ownerKey: ownerKey(undefined),
  credential: undefined,
  exposesToken: true,
  validUntil: undefined,
});

/** Hears what each method says of a request, in the order in which they are asked. */
export type HearVerdict = (method: AuthMethod, verdict: Outcome) => void;

/** Runs authentication methods, in their order, through a Passport instance of its own. */
export class Authenticator {
  readonly methods: readonly AuthMethod[];
  /** For each method, those that are tried before it succeeds, and itself. */
  readonly #methodsTried: readonly (readonly AuthMethod[])[];
  readonly #runner = new StrategyRunner();
  readonly #exposesTokens: boolean;
  readonly #hear: HearVerdict | undefined;

  /**
   * @param exposesTokens whether servers may see the tokens that methods let them see. Default: true.
   * @param hear Default: nobody, because what the last word is suffices.
   */
  constructor(methods: readonly AuthMethod[], exposesTokens = true, hear?: HearVerdict) {
    this.methods = methods;
    this.#exposesTokens = exposesTokens;
    this.#hear = hear;
    this.#methodsTried = methods.map((_, index) => methods.slice(0, index + 1));
    methods.forEach((method, index) => {
      method.strategies.forEach((strategy, position) => {
        this.#runner.mount(`${index}.${position}`, strategy);
      });
    });
  }

  /** Any method lets the caller in; otherwise the most specific refusal counts. Never rejects. */
  async authenticate(req: IncomingMessage): Promise<Outcome> {
    if (hasRepeatedAuthorization(req.rawHeaders)) {
      return { kind: "invalid", reason: "more than one Authorization header", bearer: true };
    }
    const refusals: Refusal[] = [];
    const refused: FoundCredential[] = [];
    for (const [index, method] of this.methods.entries()) {
      const credential = method.findCredential?.(req);
      const outcome = await this.#tryMethod(method, index, req, credential);
      this.#hear?.(method, outcome);
      if (outcome.kind === "authenticated") return withGuess(outcome, refused, req);
      refusals.push(outcome);
      if (credential !== undefined && isGuess(outcome)) refused.push(credential);
    }
    return refuseUnclaimed(mostSpecific(refusals));
  }

  async #tryMethod(
    method: AuthMethod,
    index: number,
    req: IncomingMessage,
    credential: FoundCredential | undefined,
  ): Promise<Outcome> {
    if (method.findCredential !== undefined && credential === undefined) {
      return { kind: "no-credential" };
    }
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = method;
    const asked = this.#runStrategies(method, index, req, credential);
    const outcome = await withTimeout(asked, timeoutMs);
    if (outcome !== TIMED_OUT) return outcome;
    return {
      kind: "unavailable",
      reason: `the ${method.name} method did not answer within ${timeoutMs} ms`,
      retryAfterSeconds: RETRY_SOON_SECONDS,
    };
  }

  async #runStrategies(
    method: AuthMethod,
    index: number,
    req: IncomingMessage,
    credential: FoundCredential | undefined,
  ): Promise<Outcome> {
    const refusals: Refusal[] = [];
    for (let position = 0; position < method.strategies.length; position++) {
      const answer = await this.#runner.ask(`${index}.${position}`, req);
      const outcome = await this.#evaluate(method, answer, req, credential);
      if (outcome.kind === "authenticated") return outcome;
      refusals.push(outcome);
    }
    return mostSpecific(refusals);
  }

  async #evaluate(
    method: AuthMethod,
    answer: StrategyAnswer,
    req: IncomingMessage,
    credential: FoundCredential | undefined,
  ): Promise<Outcome> {
    if (answer.kind !== "success") return refusalOf(method, answer, req, credential);
    try {
      const init = await method.principal(answer.user, answer.info);
      const principal = createPrincipal(method.name, init);
      const missing = missingScopes(method.scopes, principal.scopes);
      if (missing.length > 0) {
        const required = method.scopes?.required ?? [];
        return { kind: "insufficient-scope", required, missing, principal };
      }
      const methodsTried = this.#methodsTried[this.methods.indexOf(method)] ?? [];
      return {
        kind: "authenticated",
        caller: createCaller(methodsTried, principal, credential, {
          info: answer.info,
          exposesToken: this.#exposesTokens && method.exposesToken === true,
        }),
      };
    } catch (error) {
      return refusalOf(method, { kind: "error", error }, req, credential);
    }
  }
}

function isGuess(outcome: Refusal): boolean {
  return outcome.kind === "invalid" && outcome.isExpired !== true && outcome.isUnasked !== true;
}

/**
 * Says of a success whether something else was tried in the same request.
 *
 * Security decision: whoever has a good credential may not try keys beside it without being
 * noticed. What one method refused and another accepted is the same credential, and no guess.
 */
function withGuess(
  outcome: Extract<Outcome, { kind: "authenticated" }>,
  refused: readonly FoundCredential[],
  { headers }: IncomingMessage,
): Outcome {
  const { credential } = outcome.caller;
  const hasGuess = refused.some(({ place, text }) =>
    credential === undefined
      ? // A strategy that does not say what it read has most likely read this header.
        place !== "bearer" && headers.authorization !== undefined
      : text !== credential.text,
  );
  return hasGuess ? { ...outcome, hasGuess } : outcome;
}

function createCaller(
  methodsTried: readonly AuthMethod[],
  principal: Principal,
  credential: FoundCredential | undefined,
  { info, exposesToken }: { readonly info: unknown; readonly exposesToken: boolean },
): Caller {
  const method = methodsTried.at(-1);
  const token = exposesToken && credential?.place === "bearer" ? credential.text : "";
  return {
    principal,
    // Made anew each time: applications write into it, and who is let in once may be asked for often.
    get authInfo() {
      return createAuthInfo(principal, token);
    },
    methodsTried,
    info,
    revision: revisionOf(method, principal, info),
    verifiedAt: performance.now(),
    ownerKey: ownerKey(principal),
    credential,
    exposesToken,
    validUntil: validUntil(principal, method),
    upstream: method?.upstream?.bind(method),
  };
}

function validUntil({ expiresAt }: Principal, method: AuthMethod | undefined): number | undefined {
  return expiresAt === undefined ? undefined : (expiresAt + (method?.clockTolerance ?? 0)) * 1000;
}

/** The scopes that a caller lacks. */
function missingScopes(rule: ScopeRule | undefined, granted: readonly string[]): readonly string[] {
  return rule?.required.filter((scope) => !isCovered(scope, granted, rule)) ?? [];
}
