import type { ErrorCode } from "../shared/errors.js";
import type { AuditAction, AuditActor, AuditDetail, AuditEvent } from "../options/audit-event.js";
import type { CallerFact, Facts, Leg, SessionFact, SessionRef, SignInFact, Who } from "./facts.js";

/** An event, but for when and where it was. */
export type Told = Omit<AuditEvent, "time" | "router">;

/** Facts of which there is something to say. */
export type AuditedName = Exclude<
  keyof Facts,
  "call-started" | "client-request-started" | "client-request-ended"
>;

/** @returns `undefined` for a fact that says nothing of its own. */
export type Teller<K extends AuditedName> = (fact: Facts[K]) => Told | undefined;

/** What is said of each fact. */
export const TELLERS: { readonly [K in AuditedName]: Teller<K> } = {
  session: sessionTold,
  "call-ended": ({ call, outcome, rpcCode, durationMs }) => ({
    action: "call",
    actor: actorOf(call.principal, call.address),
    target: call.target === undefined ? call.method : `${call.target.kind} ${call.target.name}`,
    outcome,
    session: call.session.id,
    details: known({
      ...ofSession(call.session),
      method: call.method,
      durationMs,
      rpcCode,
      isKnown: call.target?.isKnown,
      traceparent: (call.trace.meta ?? call.trace.http)?.traceparent,
    }),
  }),
  caller: callerTold,
  refusal: ({ code, status, leg, reason, principal, address, isOthers }) =>
    // That is told as it is found out.
    isOfCaller(code, principal, leg)
      ? undefined
      : {
          action: "request.refuse",
          actor: actorOf(principal, address),
          target: leg,
          outcome: code,
          details: { status, reason, isOthers },
        },
  limit: ({ limit, outcome, session, principal, address }) => ({
    action: "limit",
    actor: actorOf(principal ?? session?.principal, address ?? session?.address),
    target: limit,
    outcome,
    ...(session !== undefined && { session: session.id }),
    details: {},
  }),
  denied: ({ kind, name, denial, session, principal }) => ({
    action: "call.deny",
    actor: actorOf(principal, session.address),
    target: `${kind} ${name}`,
    outcome: denial.code,
    session: session.id,
    details: denial.code === "insufficient_scope" ? { missing: denial.missing } : {},
  }),
  revoked: ({ by, principal, ended }) => ({
    action: "access.revoke",
    actor: {},
    target: principal === undefined ? "sessions" : `principal ${principal.id}`,
    outcome: "ok",
    details: known({ ...principal, by, ended }),
  }),
  "sign-in": ({ event, person, issuer, clientId, method }) => ({
    action: SIGN_IN_ACTIONS[event],
    actor: known({ id: person, method, issuer, clientId }),
    target: `client ${clientId ?? "of any name"}`,
    outcome: event === "denied" ? "denied" : "ok",
    details: {},
  }),
  upstream: ({ method, request, outcome, usesStale, durationMs }) => ({
    action: "upstream",
    actor: {},
    target: `${method} ${request}`,
    outcome,
    details: { usesStale, durationMs },
  }),
  cluster: ({ event, ...more }) => ({
    action: "cluster",
    actor: {},
    target: event,
    outcome: "outcome" in more ? more.outcome : "ok",
    details: known({ ...more }),
  }),
};

/** A denial is an approval whose outcome says that there was none. */
const SIGN_IN_ACTIONS: Readonly<Record<SignInFact["event"], AuditAction>> = {
  approved: "signin.approve",
  denied: "signin.approve",
  redeemed: "signin.redeem",
  revoked: "signin.revoke",
};

const SESSION_ACTIONS: Readonly<Record<SessionFact["event"], AuditAction | undefined>> = {
  opened: "session.open",
  restored: "session.open",
  moved: "session.move",
  resumed: "session.resume",
  closed: "session.close",
  abandoned: "session.close",
  // Calls tell of the client, and an end that it did not come back.
  begun: undefined,
  detached: undefined,
};

function sessionTold({ event, session, reason, mark, from }: SessionFact): Told | undefined {
  const action = SESSION_ACTIONS[event];
  if (action === undefined) return undefined;
  return {
    action,
    actor: actorOf(session.principal, session.address),
    target: `session ${session.id}`,
    outcome: reason ?? "ok",
    session: session.id,
    details: known({ ...ofSession(session), event, mark, from }),
  };
}

function callerTold(fact: CallerFact): Told | undefined {
  const { outcome, leg, principal, method, code, reason, address, durationMs } = fact;
  // Of a caller who was known already there is what they did; of a relayed one, what the other node says.
  if (outcome === "remembered" || outcome === "relayed") return undefined;
  return {
    action: outcome === "refused" ? "caller.refuse" : "caller.admit",
    actor: actorOf(principal, address),
    target: leg,
    outcome: code ?? "ok",
    details: known({ method, reason, durationMs }),
  };
}

/** Refusals of somebody who is not let in at all. */
const OF_CALLERS: ReadonlySet<ErrorCode> = new Set([
  "missing_credential",
  "invalid_token",
  "insufficient_scope",
  "temporarily_unavailable",
  "too_many_failures",
]);

function isOfCaller(code: ErrorCode, principal: Who | undefined, leg: Leg): boolean {
  return principal === undefined && leg !== "other" && OF_CALLERS.has(code);
}

function actorOf(principal: Who | undefined, address: string | undefined): AuditActor {
  return known({ ...principal, address });
}

function ofSession({ transport, era, client }: SessionRef): object {
  const name = client && [client.name, client.version].join(" ").trim();
  return { transport, era, client: name };
}

/** Those of the values that there are. */
function known(values: object): Record<string, never> & Readonly<Record<string, AuditDetail>> {
  const all = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(all) as never;
}
