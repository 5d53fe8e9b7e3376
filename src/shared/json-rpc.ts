/** `id` of a request or response. @see JSON-RPC 2.0, section 4 */
export type JsonRpcId = string | number;

/** A JSON-RPC message whose envelope was checked; `params`, `result` and `error` are the SDK's business. */
export type JsonRpcMessage = JsonRpcRequest | JsonRpcNotification | JsonRpcResponse;

/** A message that wants an answer. */
export interface JsonRpcRequest {
  jsonrpc: "2.0";
  id: JsonRpcId;
  method: string;
  params?: Record<string, unknown> | undefined;
}

/** A message that wants none. */
export interface JsonRpcNotification {
  jsonrpc: "2.0";
  method: string;
  params?: Record<string, unknown> | undefined;
}

/** An answer; its `id` is that of the request, or missing where that could not be read. */
export type JsonRpcResponse =
  | { jsonrpc: "2.0"; id: JsonRpcId; result: Record<string, unknown> }
  | { jsonrpc: "2.0"; id?: JsonRpcId | undefined; error: JsonRpcError };

/** There is no such method. @see JSON-RPC 2.0, section 5.1 */
export const METHOD_NOT_FOUND = -32601;
/** Its parameters are wrong; of MCP, too, that there is no such tool, prompt or resource. */
export const INVALID_PARAMS = -32602;
/** The receiver's own fault. */
export const INTERNAL_ERROR = -32603;

/** What went wrong with a request. @see JSON-RPC 2.0, section 5.1 */
export interface JsonRpcError {
  code: number;
  /** In a sentence. */
  message: string;
  /** What else there is to say. */
  data?: unknown;
}

/** Whether a message begins a session. @see MCP 2024-11-05, basic/lifecycle, "Initialization" */
export function isInitialize(message: JsonRpcMessage): boolean {
  return "method" in message && message.method === "initialize";
}

/** Whether a message wants an answer. */
export function isCall(message: JsonRpcMessage): message is JsonRpcRequest {
  return "method" in message && "id" in message;
}
