import type { IncomingMessage } from "node:http";
import type { AuthMethod } from "../auth/auth-method.js";
import { forbidAsking } from "../auth/asking.js";
import { ANONYMOUS } from "../auth/authenticate.js";
import type { Authenticator } from "../auth/authenticate.js";
import { refusalAnswer, refusalReason } from "../auth/challenge.js";
import type { Caller, Outcome, Refusal } from "../auth/outcome.js";
import { hasLapsed, cachedCaller, cacheCaller } from "../auth/verified-cache.js";
import type { CachedCaller } from "../auth/verified-cache.js";
import type { CallerSlot, VerifiedCallers } from "../auth/verified-callers.js";
import { FailureThrottle } from "../auth/failure-throttle.js";
import type { ThrottleOptions } from "../auth/failure-throttle.js";
import type { Principal } from "../auth/principal.js";
import { networkOf } from "../shared/network.js";
import type { ClusterConfig } from "../cluster/cluster-config.js";
import { counterOfAll } from "../cluster/counter-of-all.js";
import type { AskedPath, Discovery } from "./discovery.js";
import { addressOf } from "./mount.js";
import type { HostRequest } from "./mount.js";
import { redactCredentials, withCredential } from "./redact-query.js";
import { lacksScopes, RefusedCaller, toClientError, tooManyFailures } from "./refused-caller.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { LimitReached } from "../session/session-events.js";
import type { Policy } from "../policy/policy.js";
import type { ScopeChallenge } from "../policy/scope-check.js";
import type { Leg } from "../observe/facts.js";
import { legOf } from "../observe/caller-facts.js";
import type { CallerAsked, CallerFacts } from "../observe/caller-facts.js";

export interface CallerGuardInit {
  readonly options: {
    /** How many bad credentials one address may send; `undefined` for any number. */
    readonly throttle: ThrottleOptions | undefined;
    /** Nodes that count them together. */
    readonly cluster: ClusterConfig | undefined;
    /** Milliseconds for which a verified credential is relied on; 0 for never. */
    readonly revalidateAfterMs: number;
  };
  /** Says which scopes clients are told to ask for beside those that everybody needs. Default: none. */
  readonly policy?: Pick<Policy, "scopes" | "asksForAll"> | undefined;
  /** `undefined` for an endpoint that is explicitly open. */
  readonly authenticator: Authenticator | undefined;
  /** Who was let in a short while ago. */
  readonly verified: VerifiedCallers;
  readonly discovery: Discovery;
  /** Are told when a limit is reached. */
  readonly sessions: { noteLimit(fact: LimitReached<Principal | undefined>): void };
  /** Are told who was let in, and who was not. */
  readonly facts: Pick<CallerFacts, "isHeard" | "letIn" | "refused">;
}

/** How long after it was asked a method need not be asked again, in milliseconds. */
const RECENT_MS = 1_000;

/** A credential that another node has verified has ended since. */
const EXPIRED: Refusal = {
  kind: "invalid",
  reason: "the credential has expired",
  bearer: true,
  isExpired: true,
};

/** Finds out who calls, for the routes of transports and for `router.guard`. */
export class CallerGuard {
  readonly #init: CallerGuardInit;
  readonly #throttle: FailureThrottle | undefined;
  /**
   * What verifying a request came to that may be verified again: its credential stood in the URL
   * and is not there any more, or it was bad and need not be asked about twice.
   */
  readonly #outcomes = new WeakMap<IncomingMessage, Outcome>();

  constructor(init: CallerGuardInit) {
    this.#init = init;
    const { throttle } = init.options;
    this.#throttle =
      throttle &&
      new FailureThrottle(
        throttle,
        counterOfAll("address", throttle.windowMs, init.options.cluster),
      );
  }

  /** How callers may say who they are; none on an open endpoint. */
  get methods(): readonly AuthMethod[] {
    return this.#init.authenticator?.methods ?? [];
  }

  /** Forgets who was let in, and has the methods let go of what they hold. */
  async stop(): Promise<void> {
    this.#init.verified.clear();
    await Promise.all(this.methods.map(async (method) => method.stop?.()));
  }

  /**
   * The caller of a request that belongs to no session, if it is known who that is without asking;
   * see {@link VerifiedCallers}.
   */
  known(req: HostRequest, leg?: Leg): Caller | undefined {
    if (this.#init.authenticator === undefined) return ANONYMOUS;
    const slot = this.#init.verified.slotOf(req);
    const caller = slot && this.#init.verified.get(slot);
    if (caller !== undefined) redactCredentials(req, this.methods);
    return this.#remembered(caller, req, leg);
  }

  /**
   * The caller of a request.
   *
   * @param asked where the request came in, if that is the endpoint itself.
   * @throws RefusedCaller with the error for a caller who is not let in.
   */
  identify(req: HostRequest, asked?: AskedPath, leg = legOf(req.method)): Promise<Caller> {
    const { authenticator } = this.#init;
    if (authenticator === undefined) return Promise.resolve(ANONYMOUS);
    // Now, because a connection that ends meanwhile has none any more.
    const address = addressOf(req);
    const identify = () => this.#identify(req, address, asked, authenticator);
    return this.#told(identify, { request: req, leg, address });
  }

  async #identify(
    req: HostRequest,
    address: string | undefined,
    asked: AskedPath | undefined,
    authenticator: Authenticator,
  ): Promise<Caller> {
    const slot = this.#init.verified.slotOf(req);
    const outcome =
      this.#outcomes.get(req) ?? (await this.#authenticate(req, address, authenticator));
    redactCredentials(req, this.methods);
    if (outcome.kind === "authenticated") {
      const { caller, hasGuess } = outcome;
      if (hasGuess === true) await this.#countGuess(address, caller);
      else this.#keep(slot, caller);
      if (caller.credential?.place === "query") this.#outcomes.set(req, outcome);
      return caller;
    }
    if (outcome.kind === "invalid" && !outcome.isExpired)
      await this.#countFailure(address, outcome);
    throw this.#refusal(outcome, asked);
  }

  /**
   * Verifies a caller again who was let in a while ago, before anything is done in their name.
   *
   * Security decision: a request may take minutes to arrive. What has expired, or was withdrawn,
   * by the time that it is there does not count any more, although it counted when it was begun. A
   * method is asked again only where time has passed, although a body came in pieces, as all large
   * ones do: it may take each proof once, and most that are asked ask a server in turn.
   *
   * A caller whom another node has let in was confirmed there when the body had come. Here is no
   * credential to ask about, so only its end counts.
   *
   * @returns nothing when nothing can have happened; else a promise of the caller as of now, which
   * rejects with a RefusedCaller.
   * @throws RefusedCaller
   */
  confirm(request: AdmittedRequest): Promise<Caller> | undefined {
    const { caller } = request;
    if (caller.isRelayed === true) {
      if (hasLapsed(caller)) throw this.#refusal(EXPIRED, request);
      return undefined;
    }
    const isRecent = performance.now() - caller.verifiedAt < RECENT_MS;
    const mayBeWithdrawn = caller.principal !== undefined && caller.revision === undefined;
    return (mayBeWithdrawn && !isRecent) || hasLapsed(caller)
      ? this.#verifyAgain(request)
      : undefined;
  }

  #verifyAgain(request: AdmittedRequest): Promise<Caller> {
    const { req } = request;
    const at = { request: req, leg: legOf(req.method), address: addressOf(req) };
    return this.#told(() => this.#askAgain(request), at);
  }

  async #askAgain(request: AdmittedRequest): Promise<Caller> {
    const { req, caller } = request;
    const { credential } = caller;
    const asked = credential === undefined ? req : withCredential(req, credential);
    const outcome = await this.#init.authenticator?.authenticate(asked);
    if (outcome === undefined) return ANONYMOUS;
    if (outcome.kind === "authenticated") return outcome.caller;
    // Who sends what was good a moment ago is not guessing, and is not counted.
    throw this.#refusal(outcome, request);
  }

  #refusal(outcome: Refusal, asked: AskedPath | undefined): RefusedCaller {
    const { discovery, policy } = this.#init;
    const hints = {
      resourceMetadata: discovery.documentUrl(asked),
      moreScopes: policy?.asksForAll === true ? policy.scopes : undefined,
    };
    return new RefusedCaller(
      refusalReason(outcome, this.methods),
      refusalAnswer(outcome, this.methods, hints),
    );
  }

  /** The caller of a request; `undefined` for one who will hear from {@link identify} why not. */
  async verify(req: IncomingMessage): Promise<Caller | undefined> {
    // Whose address may cause questions is for `identify` to find out.
    if (this.#throttle?.isActive === true) return undefined;
    const startedAt = performance.now();
    const outcome = await this.#init.authenticator?.authenticate(req);
    if (outcome?.kind === "authenticated" && outcome.hasGuess !== true) {
      const { caller } = outcome;
      const { facts } = this.#init;
      const durationMs = performance.now() - startedAt;
      const at = { request: req, leg: legOf(req.method), address: addressOf(req), durationMs };
      if (facts.isHeard) facts.letIn("verified", caller, at);
      return caller;
    }
    if (outcome !== undefined) this.#outcomes.set(req, outcome);
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
    { caller: { methodsTried, principal }, mount, path }: AdmittedRequest,
  ): RefusedCaller {
    const scopes = [...(methodsTried.at(-1)?.scopes?.required ?? []), ...challenge.scopes];
    const document = this.#init.discovery.documentUrl({ mount, path });
    const held = principal?.scopes ?? [];
    return lacksScopes({ ...challenge, scopes }, held, this.methods, document);
  }

  /** Another node has let a caller in. */
  noteRelayed({ req, caller }: AdmittedRequest): void {
    const { facts } = this.#init;
    if (!facts.isHeard) return;
    const at = { request: req, leg: legOf(req.method), address: addressOf(req), durationMs: 0 };
    facts.letIn("relayed", caller, at);
  }

  /** What will tell the caller's next request by its credential alone; see {@link cachedCaller}. */
  cache(req: IncomingMessage, caller: Caller): CachedCaller | undefined {
    return this.#init.options.revalidateAfterMs > 0 ? cacheCaller(req, caller) : undefined;
  }

  /** The caller of a request, if it is known who that is without asking; see {@link cachedCaller}. */
  cached(req: IncomingMessage, last: CachedCaller | undefined): Caller | undefined {
    if (this.#init.authenticator === undefined) return ANONYMOUS;
    const caller = last && cachedCaller(req, last, this.#init.options.revalidateAfterMs);
    return this.#remembered(caller, req);
  }

  #remembered(caller: Caller | undefined, req: HostRequest, leg?: Leg): Caller | undefined {
    const { facts } = this.#init;
    if (caller !== undefined && facts.isHeard) {
      const at = { request: req, leg: leg ?? legOf(req.method), address: addressOf(req) };
      facts.letIn("remembered", caller, { ...at, durationMs: 0 });
    }
    return caller;
  }

  /** Tells what came of asking the methods, and how long that took. */
  #told(ask: () => Promise<Caller>, at: Omit<CallerAsked, "durationMs">): Promise<Caller> {
    return this.#init.facts.isHeard ? this.#tell(ask, at) : ask();
  }

  async #tell(ask: () => Promise<Caller>, at: Omit<CallerAsked, "durationMs">): Promise<Caller> {
    const { facts } = this.#init;
    const startedAt = performance.now();
    try {
      const caller = await ask();
      facts.letIn("verified", caller, { ...at, durationMs: performance.now() - startedAt });
      return caller;
    } catch (error) {
      const { code, message } = toClientError(error);
      const reason = error instanceof RefusedCaller ? error.reason : message;
      facts.refused(code, reason, { ...at, durationMs: performance.now() - startedAt });
      throw error;
    }
  }

  #keep(slot: CallerSlot | undefined, caller: Caller): void {
    if (slot !== undefined) this.#init.verified.keep(slot, caller);
  }

  async #authenticate(
    req: IncomingMessage,
    address: string | undefined,
    authenticator: Authenticator,
  ): Promise<Outcome> {
    const throttle = this.#throttle;
    if (throttle?.isActive === true && throttle.waitOf(networkOf(address)) !== undefined) {
      forbidAsking(req);
    }
    return await authenticator.authenticate(req);
  }

  /** @throws RefusedCaller when an address has sent too many bad credentials. */
  async #countFailure(
    address: string | undefined,
    { isUnasked }: { readonly isUnasked?: boolean },
  ): Promise<void> {
    const key = networkOf(address);
    // A credential that was not verified is not known to be bad.
    const waitMs = isUnasked
      ? (this.#throttle?.waitOf(key) ?? 0)
      : await this.#throttle?.noteFailure(key);
    if (waitMs === undefined) return;
    this.#init.sessions.noteLimit({ limit: "throttle", outcome: "refused", address: key });
    throw tooManyFailures(key, waitMs);
  }

  /** A caller who tries something beside a good credential is counted, and let in all the same. */
  async #countGuess(address: string | undefined, { principal }: Caller): Promise<void> {
    const key = networkOf(address);
    const waitMs = await this.#throttle?.noteFailure(key);
    if (waitMs === undefined) return;
    const fact = { limit: "throttle", outcome: "counted", address: key, principal } as const;
    this.#init.sessions.noteLimit(fact);
  }
}
