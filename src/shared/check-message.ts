import { McpSseError } from "./errors.js";
import type { JsonRpcMessage } from "./json-rpc.js";

/**
 * Checks the envelope of a message: members, their types, and nothing else beside them, as the
 * SDKs' schemas do. A message that passes is one that the SDK server will not drop silently.
 *
 * @throws McpSseError `message_invalid`, naming what is wrong.
 * @see JSON-RPC 2.0, sections 4 and 5
 */
export function checkMessage(value: unknown): JsonRpcMessage {
  if (Array.isArray(value)) throw invalid("it is a batch, and each POST takes one message");
  if (typeof value !== "object" || value === null) throw invalid("it is no object");
  const message = value as Record<string, unknown>;
  if (message["jsonrpc"] !== "2.0") throw invalid('jsonrpc is not "2.0"');
  if ("method" in message) checkCall(message);
  else if ("result" in message) checkMembers(message, belongsToResult, true);
  else if ("error" in message) checkMembers(message, belongsToError, false);
  else throw invalid("it has neither method nor result nor error");
  return value as JsonRpcMessage;
}

type Member = (name: string, value: unknown) => boolean;

const belongsToCall: Member = (name, value) =>
  (name === "method" && typeof value === "string") ||
  (name === "params" && (value === undefined || hasGoodMeta(value)));

const belongsToResult: Member = (name, value) => name === "result" && hasGoodMeta(value);

const belongsToError: Member = (name, value) =>
  name === "error" &&
  isObject(value) &&
  Number.isSafeInteger(value["code"]) &&
  typeof value["message"] === "string";

/**
 * An object whose `_meta`, if it has one, is one that the SDKs read; they drop the others.
 *
 * @see MCP 2025-11-25, basic, "_meta"; MCP 2025-11-25, basic/utilities/tasks
 */
function hasGoodMeta(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { _meta: meta } = value;
  if (meta === undefined) return true;
  if (!isObject(meta)) return false;
  const { progressToken, [RELATED_TASK]: task } = meta;
  const isToken =
    progressToken === undefined ||
    typeof progressToken === "string" ||
    Number.isSafeInteger(progressToken);
  return isToken && (task === undefined || (isObject(task) && typeof task["taskId"] === "string"));
}

const RELATED_TASK = "io.modelcontextprotocol/related-task";

function checkCall(message: Record<string, unknown>): void {
  // JSON-RPC frowns upon a null id and MCP forbids it; taken for a notification it would get no answer.
  checkMembers(message, belongsToCall, "id" in message);
}

function checkMembers(message: Record<string, unknown>, is: Member, needsId: boolean): void {
  const { id } = message;
  if ((needsId || id !== undefined) && typeof id !== "string" && !Number.isSafeInteger(id)) {
    throw invalid("its id is neither a string nor an integer");
  }
  for (const name of Object.keys(message)) {
    if (name === "jsonrpc" || name === "id") continue;
    // The name may be anything, so it is not repeated in the answer.
    if (!is(name, message[name])) throw invalid("a member is unknown or of a wrong type");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): McpSseError {
  return new McpSseError("message_invalid", `The body is no JSON-RPC 2.0 message: ${what}.`);
}
