import type { AuthMethod } from "./auth/auth-method.js";
import { refusalAnswer, refusalReason } from "./auth/challenge.js";
import type { Refusal } from "./auth/outcome.js";
import { McpSseError, retryAfter } from "./errors.js";
import type { ScopeChallenge } from "./session/session-info.js";

/** A caller who was not let in: what they hear, and what the operator does. */
export class RefusedCaller extends Error {
  constructor(
    readonly reason: string,
    readonly answer: McpSseError,
    /** JSON-RPC code of the answer, if a message was at fault and not its sender. */
    readonly rpcCode?: number,
  ) {
    super(reason);
  }
}

/** The answer to whatever went wrong. */
export function toAnswer(error: unknown): McpSseError {
  if (error instanceof RefusedCaller) return error.answer;
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
 * The refusal of a caller who is known, and lacks scopes for one message.
 *
 * @param methods by which the endpoint authenticates; none on an open one.
 * @param resourceMetadata URL of the document that tells clients where to get a token.
 */
export function lacksScopes(
  { scopes, errorDescription }: ScopeChallenge,
  methods: readonly AuthMethod[],
  resourceMetadata: string | undefined,
): RefusedCaller {
  const outcome: Refusal = {
    kind: "insufficient-scope",
    required: [...new Set(scopes)],
    ...(errorDescription !== undefined && { description: errorDescription }),
  };
  return new RefusedCaller(
    refusalReason(outcome, methods),
    refusalAnswer(outcome, methods, resourceMetadata),
    LACKS_SCOPES_RPC_CODE,
  );
}
