import type { JsonRpcId, JsonRpcResponse } from "../shared/json-rpc.js";
import type { KeptMessage } from "./outbox.js";
import type { OpenCall } from "./moved-session.js";

/** JSON-RPC's first code for errors of a server's own. @see https://www.jsonrpc.org/specification#error_object */
const SERVER_ERROR = -32_000;

/** What the client of a call hears whose node is gone. */
export function lostAnswer(id: JsonRpcId): JsonRpcResponse {
  const message = "The server that worked on this call is gone: it may have been done, or not.";
  return {
    jsonrpc: "2.0",
    id,
    error: { code: SERVER_ERROR, message, data: { reason: "node_lost" } },
  };
}

/** The lost calls of which no answer is among what was kept. */
export function unanswered(
  lost: readonly OpenCall[],
  kept: readonly KeptMessage[],
): readonly OpenCall[] {
  if (lost.length === 0) return lost;
  const answers = kept.filter(({ kind }) => kind === "answer");
  const ids = new Set(answers.map(({ json }) => (JSON.parse(json) as { id: JsonRpcId }).id));
  return lost.filter(({ id }) => !ids.has(id));
}
