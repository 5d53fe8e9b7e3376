import type { SignInStep, UpstreamRequest } from "../auth/auth-method.js";
import type { Denial, Denied } from "../policy/policy.js";
import type { ClientInfo } from "../session/client-info.js";
import type { CloseReason } from "../session/close-reason.js";
import type { LimitReached } from "../session/session-events.js";
import type { ResumeMark } from "../session/resume-mark.js";
import type { SessionEra, SessionState, SessionWire } from "../session/session-info.js";
import type { ErrorCode } from "../shared/errors.js";
import type { JsonRpcId } from "../shared/json-rpc.js";

/**
 * Somebody, by name.
 *
 * Security decision: facts go to logs, metrics and auditors, so that nothing is in them of what a person's token
 * says, of requests, of arguments or of results. What is not declared here cannot get out.
 */
export interface Who {
  readonly id: string;
  readonly method: string;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
}

/** A session, as it was when something became of it. */
export interface SessionRef {
  readonly id: string;
  /** `undefined` on an open endpoint. */
  readonly principal: Who | undefined;
  readonly transport: SessionWire;
  readonly era: SessionEra | undefined;
  /** The revision of MCP, once it is known: that of the handshake, or of a request of 2026-07-28, whose sender can invent it. */
  readonly protocolVersion: string | undefined;
  readonly state: SessionState;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly client: ClientInfo | undefined;
  readonly address: string | undefined;
}

/** What a request came for: the routes of the wires, `guard`, and the rest. */
export type Leg = "stream" | "message" | "delete" | "guard" | "other";

/** Somebody was let in, or was not; nobody is on an open endpoint. */
export interface CallerFact {
  /** `remembered`: verified a short while ago, see `advanced.revalidateAfterMs`; `relayed`: by another node. */
  readonly outcome: "verified" | "remembered" | "relayed" | "refused";
  readonly leg: Leg;
  /** Who; `undefined` for who was refused. */
  readonly principal: Who | undefined;
  /** The method that let them in. */
  readonly method: string | undefined;
  /** Why not: `missing_credential`, `invalid_token`, `insufficient_scope`, `temporarily_unavailable`, … */
  readonly code: ErrorCode | undefined;
  /** The same in words, without any value that was sent. */
  readonly reason: string | undefined;
  readonly address: string | undefined;
  /** Milliseconds that verification took; 0 for who was remembered. */
  readonly durationMs: number;
}

/** A request was refused, for whatever reason. */
export interface RefusalFact {
  readonly code: ErrorCode;
  readonly status: number;
  readonly leg: Leg;
  readonly reason: string;
  /** Who asked, where that was known by then. */
  readonly principal: Who | undefined;
  readonly address: string | undefined;
  /** Whether it names a session that there is and that belongs to somebody else: an attack, or a broken client. */
  readonly isOthers: boolean;
}

/**
 * Something has become of a session. Each begins with `opened`, `restored` or `moved`, and ends with `closed`; in between
 * its client may leave and come back. `abandoned` ended before anybody could use it: of such a one there is nothing else.
 */
export interface SessionFact {
  readonly event:
    "opened" | "begun" | "restored" | "moved" | "resumed" | "detached" | "closed" | "abandoned";
  readonly session: SessionRef;
  /** For `closed` and `abandoned`. */
  readonly reason: CloseReason | undefined;
  /** For `resumed`: by what its client showed that it is its own. */
  readonly mark: ResumeMark | undefined;
  /** For `moved`: the node where it was, as far as that is known. */
  readonly from: string | undefined;
  /** What waits for its client when it is asked. Who keeps this keeps the session, and is to let go when that is `closed`. */
  readonly waiting: () => WaitingMessages;
}

/** What waits for a client. See the members of `SessionInfo`. */
export interface WaitingMessages {
  readonly waitingBytes: number;
  readonly waitingSince: number | undefined;
}

/** What a request of MCP is about. */
export interface CallTarget {
  readonly kind: "tool" | "resource" | "prompt";
  /** A caller can invent it. */
  readonly name: string;
  /** Whether a server is known to have it by now, so that there are few: it may be known once the call has ended. */
  readonly isKnown: boolean;
}

/** A client's request, from when its session took it. */
export interface Call {
  readonly session: SessionRef;
  readonly principal: Who | undefined;
  readonly id: JsonRpcId;
  readonly method: string;
  readonly target: CallTarget | undefined;
  readonly address: string | undefined;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  /** What came as trace context, see W3C Trace Context: in `params._meta`, and as headers of the request. */
  readonly trace: {
    readonly meta: TraceContext | undefined;
    readonly http: TraceContext | undefined;
  };
}

/** Which trace a request is part of, each as the header of its name has it. Other forms are left out. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** A session's server is about to get a request. */
export interface CallStarted extends Call {
  /**
   * Has the server handle it within what `around` runs: `around((handle) => context.with(mine, handle))`. Each of
   * several is run within the one before.
   */
  runWithin(around: (handle: () => void) => void): void;
}

/** A request was answered, or never will be. */
export interface CallEnded {
  /** The same object as in `call-started`. */
  readonly call: Call;
  readonly outcome: "ok" | "tool-error" | "error" | "denied" | "cancelled" | "lost";
  /** Of the error that was answered. */
  readonly rpcCode: number | undefined;
  readonly durationMs: number;
}

/** The server is about to ask the client something, or has been answered. */
export interface ClientRequestStarted {
  readonly session: SessionRef;
  readonly id: JsonRpcId;
  readonly method: string;
  readonly startedAt: number;
  /** Writes trace context into the request's `_meta`, unless the server has. */
  carry(trace: TraceContext): void;
}

/** The client has answered, or never will. */
export interface ClientRequestEnded {
  /** The same object as in `client-request-started`. */
  readonly request: Omit<ClientRequestStarted, "carry">;
  readonly outcome: "ok" | "error" | "cancelled" | "lost";
  readonly rpcCode: number | undefined;
  readonly durationMs: number;
}

/** A limit was reached: which, and what came of it. */
export interface LimitFact extends Pick<LimitReached<unknown>, "limit" | "outcome" | "address"> {
  readonly session: SessionRef | undefined;
  readonly principal: Who | undefined;
}

/** Why something is not permitted, without what a rule threw. */
export type ToldDenial =
  Exclude<Denial, { code: "policy_unavailable" }> | { readonly code: "policy_unavailable" };

/** A policy has denied something. */
export interface DeniedFact extends Omit<Denied, "denial"> {
  readonly denial: ToldDenial;
  readonly session: SessionRef;
  readonly principal: Who | undefined;
}

/**
 * Access was withdrawn: by `sessions.closeFor`, or through the cluster, here or at another node. What ends because its
 * credential did is a session that is `closed`.
 */
export interface RevokedFact {
  readonly by: "close-for" | "cluster";
  /** Whose; `undefined` where a function said whose. */
  readonly principal: Who | undefined;
  /** How many sessions and requests have ended here. */
  readonly ended: number;
}

/** A method that is an authorization server itself: what people and clients have done there. */
export interface SignInFact extends SignInStep {
  readonly method: string;
}

/** A method has asked somebody: for keys, about a token, for one. */
export interface UpstreamFact extends UpstreamRequest {
  readonly method: string;
}

/**
 * What became of a request that was sent to another node: that one has answered it; has no such session, or not for its
 * caller; has never heard of it; or nobody can tell.
 */
export type RelayOutcome = "answered" | "none" | "unavailable" | "unknown";

/** Something between the nodes of a cluster. */
export type ClusterFact =
  | {
      readonly event: "relayed";
      readonly outcome: RelayOutcome;
      readonly durationMs: number;
    }
  | { readonly event: "link-lost" | "node-lost"; readonly node: string }
  | { readonly event: "up" | "down" };

/** All that there is to know of an endpoint while it runs, by name. */
export interface Facts {
  caller: CallerFact;
  refusal: RefusalFact;
  session: SessionFact;
  "call-started": CallStarted;
  "call-ended": CallEnded;
  "client-request-started": ClientRequestStarted;
  "client-request-ended": ClientRequestEnded;
  limit: LimitFact;
  denied: DeniedFact;
  revoked: RevokedFact;
  "sign-in": SignInFact;
  upstream: UpstreamFact;
  cluster: ClusterFact;
}

/** What stands behind `express-mcp-sse:` in the name of a channel. */
export type FactName = keyof Facts;

/** What subscribers of a channel get, for tools that look at all routers of a process. */
export interface PublishedFact<K extends FactName = FactName> {
  /** By which the router is told from others: see option `name`. */
  readonly router: string;
  readonly fact: Facts[K];
}
