import { isCovered } from "../auth/covered-scope.js";
import type { ScopeRule } from "../auth/auth-method.js";
import type { Caller } from "../auth/outcome.js";
import type { Principal } from "../auth/principal.js";
import type { FactHub } from "../observe/fact-hub.js";
import type { ToldDenial } from "../observe/facts.js";
import { refOf, whoIs } from "../observe/refs.js";
import { shorten } from "../observe/request-facts.js";
import { DENIED_RPC_CODE, deniedAnswer, deniedRefusal } from "../policy/denied-answer.js";
import { keptFromOthers } from "../policy/list-filter.js";
import type { Hearing, Passage } from "../policy/passage.js";
import type {
  Denial,
  Denied,
  Policy,
  PolicyAsker,
  PolicySession,
  ResultFilter,
  Verdict,
} from "../policy/policy.js";
import { McpSseError } from "../shared/errors.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { isCall } from "../shared/json-rpc.js";
import type { CallerGuard } from "./caller-guard.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { McpServerLike } from "./mcp-transport.js";
import type { MessageGate } from "./message-gate.js";
import { isOfV2 } from "./sdk-major.js";
import { RefusedCaller } from "./refused-caller.js";
import type { RouterSession } from "./router-session.js";
import { SessionHearing } from "./session-hearing.js";

export interface PolicyGateInit {
  readonly policy: Policy;
  readonly callers: Pick<CallerGuard, "lacksScopes">;
  /** Hears of denials. */
  readonly hub: FactHub;
}

/**
 * Where a router asks its operator's policy: for each message of a client, with the credential that came with
 * it, before the session's server gets it; and for what the server tells the client.
 *
 * The same for all wires, which differ in how they answer what is denied.
 */
export class PolicyGate implements MessageGate {
  readonly #policy: Policy;
  readonly #callers: PolicyGateInit["callers"];
  readonly #hub: FactHub;

  constructor({ policy, callers, hub }: PolicyGateInit) {
    this.#policy = policy;
    this.#callers = callers;
    this.#hub = hub;
  }

  judge(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: RouterSession,
  ): Passage | undefined | Promise<Passage | undefined> {
    const asker = askerFor(request.caller, session);
    const pass = (denied: Verdict): Passage | undefined => {
      if (denied !== undefined) return this.#deny(denied, message, request, session);
      const filter = this.#policy.filterOf(message, asker) ?? sharing(message, session);
      return filter && { to: "server", filter };
    };
    const verdict = this.#policy.judge(message, asker);
    return verdict instanceof Promise ? verdict.then(pass) : pass(verdict);
  }

  async mayRepeat(
    message: JsonRpcMessage,
    { caller }: AdmittedRequest,
    session: RouterSession,
  ): Promise<boolean> {
    return (await this.#policy.judge(message, askerFor(caller, session))) === undefined;
  }

  open(session: RouterSession, { methodsTried }: Caller, server: McpServerLike): void {
    const rule = methodsTried.at(-1)?.scopes;
    session.hearing = new SessionHearing(
      session,
      { policy: this.#policy, isOfV2: isOfV2(server) },
      (principal) => new Asker(principal, rule, session),
    );
  }

  hearingOf({ caller }: AdmittedRequest, session: PolicySession): Pick<Hearing, "mayHear"> {
    const asker = askerFor(caller, session);
    return { mayHear: (uri) => this.#policy.mayHear(uri, asker) };
  }

  /** @throws RefusedCaller */
  #deny(
    denied: Denied,
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: RouterSession,
  ): Passage {
    this.#tell(denied, request, session);
    if (this.#policy.denied === "http-403") throw this.#refusal(denied, message, request);
    if (!isCall(message)) return { to: "nobody", answer: undefined };
    const isModern = session.era === "2026";
    // Where there are no sessions, only servers of v2 serve.
    const isV1 = session.hearing instanceof SessionHearing && !session.hearing.isOfV2;
    const { conceals } = this.#policy;
    const form = { conceals, sdk: isV1 ? "v1" : "v2", isModern } as const;
    return { to: "nobody", answer: deniedAnswer(message, denied, form) };
  }

  #tell(denied: Denied, { caller }: AdmittedRequest, session: RouterSession): void {
    if (!this.#hub.has("denied")) return;
    const principal = whoIs(caller.principal);
    const { name } = denied;
    this.#hub.emit("denied", {
      kind: denied.kind,
      name: shorten(name),
      denial: withoutCause(denied.denial),
      session: refOf(session),
      principal,
    });
  }

  #refusal(denied: Denied, message: JsonRpcMessage, request: AdmittedRequest): RefusedCaller {
    const id = isCall(message) ? message.id : null;
    const refusal = deniedRefusal(denied);
    if (refusal instanceof McpSseError) {
      const reason = `the policy does not permit it: ${refusal.code}`;
      return new RefusedCaller(reason, refusal, DENIED_RPC_CODE, id);
    }
    const { reason, error } = this.#callers.lacksScopes({ scopes: refusal }, request);
    return new RefusedCaller(reason, error, DENIED_RPC_CODE, id);
  }
}

/** Only the results of 2026-07-28 say who else may have them. */
function sharing(message: JsonRpcMessage, { era }: RouterSession): ResultFilter | undefined {
  return era === "2026" ? keptFromOthers(message) : undefined;
}

/** What a rule of the operator's threw may have anything in it. */
function withoutCause(denial: Denial): ToldDenial {
  if (denial.code !== "policy_unavailable") return denial;
  const { code } = denial;
  return { code };
}

/** Who asks. */
class Asker implements PolicyAsker {
  readonly principal: Principal;
  readonly session: PolicySession;
  readonly #rule: ScopeRule | undefined;

  /** @param rule of the method that let the principal in. */
  constructor(principal: Principal, rule: ScopeRule | undefined, session: PolicySession) {
    this.principal = principal;
    this.session = session;
    this.#rule = rule;
  }

  satisfies(scope: string): boolean {
    return isCovered(scope, this.principal.scopes, this.#rule);
  }
}

function askerFor({ principal, methodsTried }: Caller, session: PolicySession): PolicyAsker {
  // Options are refused where nobody says who they are.
  if (principal === undefined) throw new Error("a policy is asked about a caller without a name");
  return new Asker(principal, methodsTried.at(-1)?.scopes, session);
}
