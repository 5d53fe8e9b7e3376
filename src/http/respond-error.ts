import type { ServerResponse } from "node:http";
import type { ErrorCode, McpSseError } from "../shared/errors.js";
import type { JsonRpcId } from "../shared/json-rpc.js";
import { sendJson } from "../shared/send.js";

/** JSON-RPC codes of the errors that concern a message. @see JSON-RPC 2.0, section 5.1 */
const RPC_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  message_not_json: -32700,
  message_invalid: -32600,
  message_timeout: -32600,
  message_unreadable: -32600,
  message_too_large: -32600,
  unsupported_media_type: -32600,
  session_id_required: -32600,
  session_not_found: -32001,
  session_closed: -32001,
  event_id_unknown: -32000,
  not_acceptable: -32000,
  protocol_version_unsupported: -32000,
  outcome_unknown: -32000,
  shutting_down: -32000,
  server_full: -32000,
  too_many_sessions: -32000,
  too_many_calls: -32000,
  too_many_bytes: -32000,
};

/** The JSON-RPC code of an error, where it is told as one whatever was at fault. */
export function rpcCodeOf({ code }: McpSseError): number {
  return RPC_CODE[code] ?? OTHER_RPC_CODE;
}

/** For all that JSON-RPC has no code for. @see JSON-RPC 2.0, section 5.1 */
const OTHER_RPC_CODE = -32000;

/**
 * Sends an error as JSON: as a JSON-RPC error where a message was at fault, else in the form of
 * OAuth errors.
 *
 * Does nothing when a response has begun or its client has left.
 *
 * @param rpcCode where it does not follow from the error whether a message was at fault.
 * @param rpcId of that message. Default: none, because nothing of a message counts before it was accepted.
 * @see RFC 6749, section 5.2
 */
export function sendError(
  res: ServerResponse,
  error: McpSseError,
  // A GET has no message: nothing of its can be at fault.
  rpcCode = res.req.method === "GET" ? undefined : RPC_CODE[error.code],
  rpcId: JsonRpcId | null = null,
): void {
  if (res.headersSent || res.destroyed) return;
  const body =
    rpcCode === undefined
      ? { error: error.code, error_description: error.message }
      : {
          jsonrpc: "2.0",
          error: { code: rpcCode, message: error.message, data: { code: error.code } },
          id: rpcId,
        };
  for (const [name, value] of Object.entries(error.headers)) {
    res.setHeader(name, typeof value === "string" ? value : [...value]);
  }
  sendJson(res, error.status, body, { "Cache-Control": "no-store" });
}

/** What happened underneath, for the log. */
export function describeCause({ cause }: McpSseError): string {
  return cause instanceof Error ? ` (${cause.name}: ${cause.message})` : "";
}
