import type { AuthMethod } from "../auth/auth-method.js";
import { refusalAnswer, refusalReason } from "../auth/challenge.js";
import type { Refusal } from "../auth/outcome.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import { isScope } from "../shared/http-syntax.js";
import type { JsonRpcId } from "../shared/json-rpc.js";
import type { ScopeChallenge } from "../policy/scope-check.js";

/** A caller who was not let in: what they hear, and what the operator does. */
export class RefusedCaller extends Error {
  constructor(
    readonly reason: string,
    readonly error: McpSseError,
    /** JSON-RPC code of the response, if a message was at fault and not its sender. */
    readonly rpcCode?: number,
    /** Id of that message, where it counts. Default: none. */
    readonly rpcId: JsonRpcId | null = null,
  ) {
    super(reason);
  }
}

/** For a path that is none of ours. */
export function notFound(): McpSseError {
  return new McpSseError("not_found", "There is nothing here.");
}

/** What a client is told of an error: no more than the error says itself, if it is one of ours. */
export function toClientError(error: unknown): McpSseError {
  if (error instanceof RefusedCaller) return error.error;
  if (error instanceof McpSseError) return error;
  return new McpSseError("server_error", "Something went wrong.", { cause: error });
}

/** @param waitMs milliseconds until its credentials are looked at in earnest again. */
export function tooManyFailures(address: string, waitMs: number): RefusedCaller {
  return new RefusedCaller(
    `too many credentials of ${address} were refused`,
    new McpSseError("too_many_failures", "Too many credentials were refused: wait.", {
      headers: retryAfter(waitMs / 1000),
    }),
  );
}

/** JSON-RPC code for a message that its sender may not send. @see JSON-RPC 2.0, section 5.1 */
const LACKS_SCOPES_RPC_CODE = -32000;

/**
 * The refusal of a caller who is known, and lacks scopes for one message. It names what the caller
 * has as well: official clients ask for what a challenge names and for nothing else, and a
 * credential that has lost a scope does not go on with their session.
 *
 * @param held scopes that the caller has.
 * @param methods by which the endpoint authenticates; none on an open one.
 * @param resourceMetadata URL of the document that tells clients where to get a token.
 */
export function lacksScopes(
  { scopes, errorDescription }: ScopeChallenge,
  held: readonly string[],
  methods: readonly AuthMethod[],
  resourceMetadata: string | undefined,
): RefusedCaller {
  const outcome: Refusal = {
    kind: "insufficient-scope",
    required: [...new Set([...nameable(held), ...scopes])],
    ...(errorDescription !== undefined && { description: errorDescription }),
  };
  return new RefusedCaller(
    refusalReason(outcome, methods),
    refusalAnswer(outcome, methods, { resourceMetadata }),
    LACKS_SCOPES_RPC_CODE,
  );
}

/** Longest list of a caller's own scopes that a challenge repeats, in characters. */
const MAX_OWN_SCOPES = 2_000;

/** Those of a caller's scopes that can stand in a challenge. */
function nameable(scopes: readonly string[]): readonly string[] {
  const good = scopes.filter(isScope);
  return good.join(" ").length > MAX_OWN_SCOPES ? [] : good;
}
