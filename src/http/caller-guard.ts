import type { IncomingMessage, ServerResponse } from "node:http";
import { sendError, describeCause } from "./respond-error.js";
import type { AuthMethod } from "../auth/auth-method.js";
import { forbidAsking } from "../auth/asking.js";
import { ANONYMOUS } from "../auth/authenticate.js";
import type { Authenticator } from "../auth/authenticate.js";
import { refusalAnswer, refusalReason } from "../auth/challenge.js";
import type { Caller, Outcome, Refusal } from "../auth/outcome.js";
import { hasLapsed, cachedCaller, cacheCaller } from "../auth/verified-cache.js";
import type { CachedCaller } from "../auth/verified-cache.js";
import { FailureThrottle } from "../auth/failure-throttle.js";
import { throttleKey } from "../auth/throttle-key.js";
import type { Discovery, SeenMount } from "./discovery.js";
import type { Sessions } from "./router-session.js";
import { redactQuery, withCredential } from "./redact-query.js";
import { lacksScopes, RefusedCaller, toAnswer, tooManyFailures } from "./refused-caller.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { ScopeChallenge } from "../session/session-info.js";

/** What the gate is made of. */
export interface CallerGuardInit {
  readonly options: ResolvedOptions;
  /** `undefined` for an endpoint that is explicitly open. */
  readonly authenticator: Authenticator | undefined;
  readonly sessions: Sessions;
}

/** How long after it was asked a method need not be asked again, in milliseconds. */
const RECENT_MS = 1_000;

/** Who calls, and what callers hear that are not let in: for the transport's routes and the guard. */
export class CallerGuard {
  readonly #init: CallerGuardInit;
  readonly #discovery: Discovery;
  readonly #throttle: FailureThrottle | undefined;
  /**
   * What a look at a request came to that may be looked at again: its credential stood in the URL
   * and is not there any more, or it was bad and need not be judged twice.
   */
  readonly #known = new WeakMap<IncomingMessage, Outcome>();

  constructor(init: CallerGuardInit, discovery: Discovery) {
    this.#init = init;
    this.#discovery = discovery;
    const { throttle } = init.options;
    this.#throttle = throttle === undefined ? undefined : new FailureThrottle(throttle);
  }

  /** How callers may say who they are; none on an open endpoint. */
  get methods(): readonly AuthMethod[] {
    return this.#init.authenticator?.methods ?? [];
  }

  /**
   * The caller of a request.
   *
   * @param address whom the request comes from.
   * @param mount where the request came in, if that is the endpoint itself.
   * @throws RefusedCaller with the answer for a caller who is not let in.
   */
  async identify(
    req: IncomingMessage,
    address: string | undefined,
    mount?: SeenMount,
  ): Promise<Caller> {
    const { authenticator } = this.#init;
    if (authenticator === undefined) return ANONYMOUS;
    const outcome = this.#known.get(req) ?? (await this.#authenticate(req, address, authenticator));
    this.redact(req);
    if (outcome.kind === "authenticated") {
      const { caller, hasGuess } = outcome;
      if (hasGuess === true) await this.#countGuess(address, caller);
      if (caller.credential?.place === "query") this.#known.set(req, outcome);
      return caller;
    }
    if (outcome.kind === "invalid" && !outcome.isExpired)
      await this.#countFailure(address, outcome);
    throw this.#refusal(outcome, mount);
  }

  /**
   * Looks again at a caller who was let in a while ago, before anything is done in their name.
   *
   * Security decision: a request may take minutes to arrive. What has expired, or was withdrawn,
   * by the time that it is there does not count any more, although it counted when it was begun. A
   * method is asked again only where time has passed, although a body came in pieces, as all large
   * ones do: it may take each proof once, and most that are asked cost somebody a question.
   *
   * @returns nothing when nothing can have happened; else a promise of the caller as of now, which
   * rejects with a RefusedCaller.
   */
  confirm(
    req: IncomingMessage,
    caller: Caller,
    mount: SeenMount | undefined,
  ): Promise<Caller> | undefined {
    const isRecent = performance.now() - caller.verifiedAt < RECENT_MS;
    const mayBeWithdrawn = caller.principal !== undefined && caller.revision === undefined;
    return (mayBeWithdrawn && !isRecent) || hasLapsed(caller)
      ? this.#lookAgain(req, caller, mount)
      : undefined;
  }

  async #lookAgain(
    req: IncomingMessage,
    { credential }: Caller,
    mount: SeenMount | undefined,
  ): Promise<Caller> {
    const asked = credential === undefined ? req : withCredential(req, credential);
    const outcome = await this.#init.authenticator?.authenticate(asked);
    if (outcome === undefined) return ANONYMOUS;
    if (outcome.kind === "authenticated") return outcome.caller;
    // Who sends what was good a moment ago is not guessing, and is not counted.
    throw this.#refusal(outcome, mount);
  }

  #refusal(outcome: Refusal, mount: SeenMount | undefined): RefusedCaller {
    return new RefusedCaller(
      refusalReason(outcome, this.methods),
      refusalAnswer(outcome, this.methods, this.#discovery.documentUrl(mount)),
    );
  }

  /** The caller of a request; `undefined` for one who will hear from {@link identify} why not. */
  async look(req: IncomingMessage): Promise<Caller | undefined> {
    // Whose address may cause questions is for the ordinary way to find out.
    if (this.#throttle?.isActive === true) return undefined;
    const outcome = await this.#init.authenticator?.authenticate(req);
    if (outcome?.kind === "authenticated" && outcome.hasGuess !== true) return outcome.caller;
    if (outcome !== undefined) this.#known.set(req, outcome);
    return undefined;
  }

  /**
   * The refusal of a caller who lacks scopes for one message.
   *
   * It names what every caller of the method needs as well: official clients ask for what a
   * challenge names and for nothing else.
   */
  lacksScopes(
    challenge: ScopeChallenge,
    { judges, principal }: Caller,
    mount: SeenMount | undefined,
  ): RefusedCaller {
    const scopes = [...(judges.at(-1)?.scopes?.required ?? []), ...challenge.scopes];
    const document = this.#discovery.documentUrl(mount);
    const held = principal?.scopes ?? [];
    return lacksScopes({ ...challenge, scopes }, held, this.methods, document);
  }

  /** What will tell the caller's next request by its credential alone; see {@link cachedCaller}. */
  remember(req: IncomingMessage, caller: Caller): CachedCaller | undefined {
    return this.#init.options.revalidateAfterMs > 0 ? cacheCaller(req, caller) : undefined;
  }

  /** The caller of a request, if it is known who that is without asking; see {@link cachedCaller}. */
  recall(req: IncomingMessage, remembered: CachedCaller | undefined): Caller | undefined {
    if (this.#init.authenticator === undefined) return ANONYMOUS;
    return remembered && cachedCaller(req, remembered, this.#init.options.revalidateAfterMs);
  }

  /** Credentials in the URL have been read, or will not be any more. */
  redact(req: IncomingMessage): void {
    for (const { queryParameter } of this.methods) {
      if (queryParameter !== undefined) redactQuery(req, queryParameter);
    }
  }

  /** Answers with an error, and tells the operator why. */
  refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    this.redact(req);
    this.log("refused", req, error);
    sendError(res, toAnswer(error), error instanceof RefusedCaller ? error.rpcCode : undefined);
  }

  /** Tells the operator what was done with a request, and why. */
  log(what: string, req: IncomingMessage, error: unknown): void {
    const { logger } = this.#init.options;
    const answer = toAnswer(error);
    // There may be thousands, and one line tells of many: see SparingLog.
    if (answer.code === "too_many_bytes") return;
    const reason = error instanceof RefusedCaller ? error.reason : answer.message;
    const leg = req.method === "GET" || req.method === "POST" ? req.method : "other method";
    const line = `${what} ${leg}: ${answer.status} ${answer.code}: ${reason}${describeCause(answer)}`;
    if (answer.status >= 500) logger.error(line);
    else logger.info(line);
  }

  async #authenticate(
    req: IncomingMessage,
    address: string | undefined,
    authenticator: Authenticator,
  ): Promise<Outcome> {
    const throttle = this.#throttle;
    if (throttle?.isActive === true && throttle.waitOf(throttleKey(address)) !== undefined) {
      forbidAsking(req);
    }
    return await authenticator.authenticate(req);
  }

  /** @throws RefusedCaller when an address has sent too many bad credentials. */
  async #countFailure(
    address: string | undefined,
    { isUnasked }: { readonly isUnasked?: boolean },
  ): Promise<void> {
    const key = throttleKey(address);
    // What nobody was asked about is not known to be bad.
    const waitMs = isUnasked
      ? (this.#throttle?.waitOf(key) ?? 0)
      : await this.#throttle?.noteFailure(key);
    if (waitMs === undefined) return;
    this.#init.sessions.noteLimit({ limit: "throttle", outcome: "refused", address: key });
    throw tooManyFailures(key, waitMs);
  }

  /** A caller who tries something beside a good credential is counted, and let in all the same. */
  async #countGuess(address: string | undefined, { principal }: Caller): Promise<void> {
    const key = throttleKey(address);
    const waitMs = await this.#throttle?.noteFailure(key);
    if (waitMs === undefined) return;
    const fact = { limit: "throttle", outcome: "counted", address: key, principal } as const;
    this.#init.sessions.noteLimit(fact);
  }
}
