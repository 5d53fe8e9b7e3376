import { McpSseError, retryAfter } from "../shared/errors.js";
import type { JsonRpcError, JsonRpcRequest, JsonRpcResponse } from "../shared/json-rpc.js";
import { unknownAnswer } from "./unknown-answer.js";
import type { SdkMajor } from "./unknown-answer.js";
import type { Denial, Denied } from "./policy.js";

/**
 * JSON-RPC code of what a policy denies. Of the codes that are left to implementations it is one that no client takes
 * for something else: -32000 and -32001 are a lost connection and a time-out to SDK v1, and the end of a session to
 * others; -32002 is a resource that does not exist. @see JSON-RPC 2.0, section 5.1
 */
export const DENIED_RPC_CODE = -32010;

/** Where a result says what was denied, for programs. */
export const DENIED_META = "express-mcp-sse/denied";

/** What decides about the form of an answer. */
export interface AnswerForm {
  /** Whether what is denied is answered like what does not exist. */
  readonly conceals: boolean;
  /** Of the session's server. */
  readonly sdk: SdkMajor;
  /** Whether the request is one of 2026-07-28. */
  readonly isModern: boolean;
}

/**
 * The answer to a request that a policy denies, without its server.
 *
 * A call gets a result, which models can read and every client survives; all else gets an error, as there is no result
 * to give. So does a call that asks for a task: its client expects one.
 */
export function deniedAnswer(
  request: JsonRpcRequest,
  denied: Denied,
  { conceals, sdk, isModern }: AnswerForm,
): JsonRpcResponse {
  const { denial } = denied;
  if (conceals && isConcealed(denial)) return unknownAnswer(request, denied, sdk);
  const { id, method, params } = request;
  if (method !== "tools/call" || params?.["task"] !== undefined) {
    return { jsonrpc: "2.0", id, error: deniedError(denied) };
  }
  const { code: error, ...more } = detailsOf(denial);
  const result = {
    content: [{ type: "text", text: textOf(denied) }],
    isError: true,
    ...(isModern && { resultType: "complete" }),
    _meta: { [DENIED_META]: { error, ...more } },
  };
  return { result, jsonrpc: "2.0", id };
}

/** The same as an error, for the body of an HTTP answer as well. */
export function deniedError(denied: Denied): JsonRpcError {
  return { code: DENIED_RPC_CODE, message: textOf(denied), data: detailsOf(denied.denial) };
}

/**
 * The same by HTTP: what a challenge names where scopes are missing, else an error with its status and headers.
 *
 * Security decision: no answer but that for missing scopes has a challenge, since a better token would not help; and
 * none is a 401, upon which clients fetch a token and try again without end.
 */
export function deniedRefusal(denied: Denied): McpSseError | readonly string[] {
  const { denial } = denied;
  switch (denial.code) {
    case "insufficient_scope":
      return denial.needed;
    case "forbidden":
      return new McpSseError("forbidden", textOf(denied));
    case "rate_limited":
      return new McpSseError("rate_limited", textOf(denied), {
        headers: retryAfter(denial.retryAfterMs / 1000),
      });
    case "policy_unavailable":
      return new McpSseError("policy_unavailable", textOf(denied), {
        ...{ headers: retryAfter(), cause: denial.cause },
      });
  }
}

/** What would be listed is no secret: that it is asked for too often, or cannot be decided now, may be told. */
function isConcealed({ code }: Denial): boolean {
  return code === "forbidden" || code === "insufficient_scope";
}

/** What programs may know of a denial. */
function detailsOf(denial: Denial): Readonly<Record<string, unknown>> & { readonly code: string } {
  switch (denial.code) {
    case "insufficient_scope":
      return { code: denial.code, scope: denial.needed.join(" "), missing: denial.missing };
    case "rate_limited":
      return { code: denial.code, retryAfterMs: denial.retryAfterMs };
    default:
      return { code: denial.code };
  }
}

/** What a denial is, for people and models: nothing of a caller's is in it. */
function textOf({ kind, denial }: Denied): string {
  switch (denial.code) {
    case "insufficient_scope": {
      const { missing } = denial;
      const scopes = missing.length === 1 ? "the scope" : "the scopes";
      return `Not permitted: this ${kind} needs ${scopes} ${missing.join(", ")}, which the credential does not have.`;
    }
    case "forbidden":
      return denial.reason === undefined
        ? `Not permitted: the caller may not use this ${kind}.`
        : `Not permitted: ${denial.reason}`;
    case "rate_limited": {
      const seconds = Math.ceil(denial.retryAfterMs / 1000);
      return `Asked for too often: try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    }
    case "policy_unavailable":
      return "Whether this is permitted cannot be found out at the moment: try again later.";
  }
}
