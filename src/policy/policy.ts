import type { Principal } from "../auth/principal.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** Who asks for something, and where: what a policy may look at beside what is asked for. */
export interface PolicyAsker {
  /** Of the credential at hand, not of the one that opened the session. */
  readonly principal: Principal;
  /** Whether the caller's scopes cover one, by the rule of the method that let the caller in. */
  satisfies(scope: string): boolean;
  readonly session: PolicySession;
}

/** As much of a session as rules may look at. */
export interface PolicySession {
  readonly id: string;
  /** By which wire its messages travel. */
  readonly transport: "sse" | "streamable" | "stdio";
}

/** What is asked for, by what it is. */
export type PolicyKind = "tool" | "resource" | "prompt" | "method";

/** Why something is not permitted. No value of the caller's is in it but what is named. */
export type Denial =
  /** Scopes are missing, and nothing else: with all of `missing` it would be permitted. */
  | {
      readonly code: "insufficient_scope";
      /** All that it needs. */
      readonly needed: readonly string[];
      /** Those of them that the caller lacks. */
      readonly missing: readonly string[];
    }
  /** No scope would help. */
  | { readonly code: "forbidden"; readonly reason?: string }
  /** It was asked for too often. */
  | { readonly code: "rate_limited"; readonly retryAfterMs: number }
  /** A rule threw, or did not answer in time: nobody can tell. */
  | { readonly code: "policy_unavailable"; readonly cause: unknown };

/** A denial, and what it is about. */
export interface Denied {
  readonly kind: PolicyKind;
  /** The tool's name, the resource's URI, the prompt's name, or the method. */
  readonly name: string;
  readonly denial: Denial;
}

/** `undefined` where it is permitted. */
export type Verdict = Denied | undefined;

/**
 * Takes what the caller may not have out of the result of a list request.
 *
 * @throws Error for a result that is none of such a request: what cannot be filtered is not passed on.
 */
export type ResultFilter = (
  result: Readonly<Record<string, unknown>>,
) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;

/**
 * What callers may do, compiled from what an operator wrote. One judgement guards calls and filters lists, so
 * that for any rules and principal *listed* means *callable*.
 *
 * Routers ask it, in this order: `judge` for each message of a client, before the session's server gets it;
 * `filterOf` for each of its requests that is let through; `mayHear` for each `notifications/resources/updated`
 * to a client, and each such event to a subscriber of 2026-07-28.
 *
 * Answers at once wherever no rule is a promise: only then a call waits.
 */
export interface Policy {
  /** @returns what stands against a message; never throws, never rejects, always settles in time. */
  judge(message: JsonRpcMessage, asker: PolicyAsker): Verdict | Promise<Verdict>;
  /** How the answer to a message is filtered; `undefined` where it is passed on as it is. */
  filterOf(message: JsonRpcMessage, asker: PolicyAsker): ResultFilter | undefined;
  /** Whether a caller may hear of a change of a resource. Never throws, never rejects. */
  mayHear(uri: string, asker: PolicyAsker): boolean | Promise<boolean>;
  /** All scopes that any rule can ask for, each once. */
  readonly scopes: readonly string[];
  /** Whether `scopes` are asked for at the first challenge. */
  readonly asksForAll: boolean;
  /** How a caller hears of a denial. */
  readonly denied: "in-band" | "http-403";
  /** Whether what is denied is answered as if it did not exist. */
  readonly conceals: boolean;
}
