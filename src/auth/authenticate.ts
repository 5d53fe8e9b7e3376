import type { IncomingMessage } from "node:http";
import { McpSseError } from "../errors.js";
import type { UpstreamToken } from "../upstream-token.js";
import type { AuthMethod, FoundCredential, ScopeRule } from "./auth-method.js";
import { createAuthInfo, createPrincipal, ownerKey } from "./principal.js";
import type { AuthInfo, Principal } from "./principal.js";
import { StrategyRunner } from "./strategy-runner.js";
import type { StrategyAnswer } from "./strategy-runner.js";

/** A caller who was let in, with what later steps need to know of the credential. */
export interface Caller {
  /** `undefined` on an endpoint that is explicitly open. */
  readonly principal: Principal | undefined;
  readonly authInfo: AuthInfo | undefined;
  /** Decides which sessions are the caller's. */
  readonly ownerKey: string;
  readonly credential: FoundCredential | undefined;
  /** Whether tools may see the credential. */
  readonly exposesToken: boolean;
  /** When the credential ends, tolerance included, in milliseconds since the epoch. */
  readonly validUntil: number | undefined;
  /** Looks up the identity provider's token for a caller of the same method. */
  readonly upstream?: ((principal: Principal) => Promise<UpstreamToken>) | undefined;
}

/** What authentication can come to. There is no other result, and no exception. */
export type Outcome =
  | { readonly kind: "authenticated"; readonly caller: Caller }
  | {
      readonly kind: "no-credential";
      /** Challenges that strategies themselves asked for. */
      readonly challenges?: readonly string[];
      /** Why a method leaves a credential that is there to others. */
      readonly declined?: Pick<Extract<Outcome, { kind: "invalid" }>, "reason" | "bearer">;
    }
  | {
      readonly kind: "invalid";
      /** Names no value of the request; safe for the client and for logs. */
      readonly reason: string;
      /** Whether the refused credential was a bearer token. */
      readonly bearer: boolean;
      /** Challenges that strategies themselves asked for. */
      readonly challenges?: readonly string[];
    }
  | { readonly kind: "insufficient-scope"; readonly required: readonly string[] }
  | {
      readonly kind: "unavailable";
      readonly reason: string;
      readonly retryAfterSeconds: number;
      readonly cause?: unknown;
    };

type Refusal = Exclude<Outcome, { kind: "authenticated" }>;

/** When to come back after an outage whose end nobody knows, in seconds. */
const RETRY_AFTER_SECONDS = 5;

const DEFAULT_TIMEOUT_MS = 10_000;

/** The caller of an endpoint with `auth: false`. */
export const ANONYMOUS: Caller = Object.freeze({
  principal: undefined,
  authInfo: undefined,
  ownerKey: ownerKey(undefined),
  credential: undefined,
  exposesToken: true,
  validUntil: undefined,
});

/** Runs authentication methods, in their order, through a Passport instance of its own. */
export class Authenticator {
  readonly methods: readonly AuthMethod[];
  readonly #runner = new StrategyRunner();

  constructor(methods: readonly AuthMethod[]) {
    this.methods = methods;
    methods.forEach((method, index) => {
      method.strategies.forEach((strategy, position) => {
        this.#runner.mount(`${index}.${position}`, strategy);
      });
    });
  }

  /** Any method lets the caller in; otherwise the most telling refusal answers. Never rejects. */
  async authenticate(req: IncomingMessage): Promise<Outcome> {
    if (hasRepeatedAuthorization(req.rawHeaders)) {
      return { kind: "invalid", reason: "more than one Authorization header", bearer: true };
    }
    const refusals: Refusal[] = [];
    for (const [index, method] of this.methods.entries()) {
      const outcome = await this.#tryMethod(method, index, req);
      if (outcome.kind === "authenticated") return outcome;
      refusals.push(outcome);
    }
    return judgeDeclined(mostTelling(refusals));
  }

  async #tryMethod(method: AuthMethod, index: number, req: IncomingMessage): Promise<Outcome> {
    const credential = method.findCredential?.(req);
    if (method.findCredential !== undefined && credential === undefined) {
      return { kind: "no-credential" };
    }
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = method;
    const late: Outcome = {
      kind: "unavailable",
      reason: `the ${method.name} method did not answer within ${timeoutMs} ms`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    };
    return await withDeadline(this.#runStrategies(method, index, req, credential), timeoutMs, late);
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
      const outcome = await this.#judge(method, answer, req, credential);
      if (outcome.kind === "authenticated") return outcome;
      refusals.push(outcome);
    }
    return mostTelling(refusals);
  }

  async #judge(
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
        return { kind: "insufficient-scope", required: method.scopes?.required ?? [] };
      }
      return { kind: "authenticated", caller: createCaller(method, principal, credential) };
    } catch (error) {
      return refusalOf(method, { kind: "error", error }, req, credential);
    }
  }
}

function createCaller(
  method: AuthMethod,
  principal: Principal,
  credential: FoundCredential | undefined,
): Caller {
  const exposesToken = method.exposesToken ?? false;
  const token = exposesToken && credential?.place === "bearer" ? credential.text : "";
  return {
    principal,
    authInfo: createAuthInfo(principal, token),
    ownerKey: ownerKey(principal),
    credential,
    exposesToken,
    validUntil: validUntil(principal, method),
    upstream: method.upstream?.bind(method),
  };
}

function validUntil({ expiresAt }: Principal, method: AuthMethod): number | undefined {
  return expiresAt === undefined ? undefined : (expiresAt + (method.clockTolerance ?? 0)) * 1000;
}

/**
 * The scopes that a caller lacks.
 *
 * Security decision: a scope counts as granted only when the rule says so for that one scope;
 * nothing is inferred from prefixes or order. @see RFC 6749, section 3.3
 */
export function missingScopes(
  rule: ScopeRule | undefined,
  granted: readonly string[],
): readonly string[] {
  if (rule === undefined) return [];
  const satisfies = rule.satisfies?.bind(rule) ?? ((scope: string) => granted.includes(scope));
  // Compared with `true`, because the promise of an async function is truthy whatever it resolves to.
  return rule.required.filter((scope) => (satisfies(scope, granted) as unknown) !== true);
}

/**
 * The refusal that helps most, of all that the methods gave: the caller is known but lacks a
 * scope; or someone could not decide, and may let the same credential in later; or the
 * credential is bad; or there was none.
 *
 * Security decision: an outage ranks above "invalid", because a client that hears "invalid"
 * throws a good token away.
 */
export function mostTelling(refusals: readonly Refusal[]): Refusal {
  const order: readonly Refusal["kind"][] = ["insufficient-scope", "unavailable", "invalid"];
  const found = order
    .map((kind) => refusals.find((refusal) => refusal.kind === kind))
    .concat(refusals.find((refusal) => "declined" in refusal))
    .find((refusal) => refusal !== undefined);
  if (found?.kind === "insufficient-scope" || found?.kind === "unavailable") return found;
  // One answer names the challenges of all.
  const challenges = refusals.flatMap((refusal) =>
    "challenges" in refusal ? refusal.challenges : [],
  );
  return { ...(found ?? { kind: "no-credential" }), ...(challenges.length > 0 && { challenges }) };
}

/**
 * A credential that every method left to the others is a bad one, for the reason that the first
 * had. Where another method judged it, that one's reason counts.
 */
function judgeDeclined(refusal: Refusal): Refusal {
  if (refusal.kind !== "no-credential" || refusal.declined === undefined) return refusal;
  const { declined, challenges } = refusal;
  return { kind: "invalid", ...declined, ...(challenges !== undefined && { challenges }) };
}

/**
 * Whether a request has two `Authorization` headers. Node shows the first, a proxy may have
 * judged the second: a request that two parties can read differently is refused.
 *
 * @see RFC 9110, section 11.6.2
 */
export function hasRepeatedAuthorization(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 13 && name.toLowerCase() === "authorization") count++;
  }
  return count > 1;
}

function refusalOf(
  method: AuthMethod,
  answer: Exclude<StrategyAnswer, { kind: "success" }>,
  req: IncomingMessage,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  switch (answer.kind) {
    case "redirect":
      return { kind: "invalid", reason: `${method.name} wants an interactive login`, bearer };
    case "pass":
      return { kind: "invalid", reason: `${method.name} did not decide`, bearer };
    case "error":
      if (answer.error instanceof McpSseError) {
        return refusalOfError(method, answer.error, credential);
      }
      return {
        kind: "unavailable",
        reason: `${method.name} failed while checking the credential: ${kindOf(answer.error)}`,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      };
    case "failure":
      return refusalOfFailure(method, answer, req, credential);
  }
}

/** Whether a credential is a bearer token, in the header or, where no method wants it, in the URL. @see RFC 6750, section 2 */
function isBearerToken(method: AuthMethod, credential: FoundCredential | undefined): boolean {
  if (credential?.place !== "query") return credential?.place === "bearer";
  return method.challenge?.scheme.toLowerCase() === "bearer";
}

/**
 * What kind of error a strategy of somebody else's gave.
 *
 * Security decision: its message is not repeated. A database that quotes its query, say, would
 * write the credential into the log.
 */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return "no error object";
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${error.name} ${code}` : error.name;
}

function refusalOfFailure(
  method: AuthMethod,
  { info, status }: { info: unknown; status: unknown },
  req: IncomingMessage,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  if (info instanceof McpSseError) return refusalOfError(method, info, credential);
  if (status === 403) {
    return { kind: "insufficient-scope", required: method.scopes?.required ?? [] };
  }
  const challenge = typeof info === "string" ? { challenges: [info] } : undefined;
  // A third-party strategy fails the same way with and without a credential.
  const sentOne = credential !== undefined || req.headers.authorization !== undefined;
  if (!sentOne) return { kind: "no-credential", ...challenge };
  const reason = `${method.name} refused the credential`;
  return { kind: "invalid", reason, bearer, ...challenge };
}

function refusalOfError(
  method: AuthMethod,
  error: McpSseError,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  switch (error.code) {
    case "missing_credential":
      return {
        kind: "no-credential",
        ...(credential !== undefined && { declined: { reason: error.message, bearer } }),
      };
    case "invalid_token":
      return { kind: "invalid", reason: error.message, bearer };
    case "insufficient_scope":
      return { kind: "insufficient-scope", required: method.scopes?.required ?? [] };
    default: {
      const seconds = Number(error.headers["Retry-After"]);
      return {
        kind: "unavailable",
        reason: error.message,
        retryAfterSeconds: seconds > 0 ? seconds : RETRY_AFTER_SECONDS,
        cause: error.cause,
      };
    }
  }
}

async function withDeadline<T>(work: Promise<T>, ms: number, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
    timer.unref();
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
