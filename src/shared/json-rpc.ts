/** `id` of a request or response. @see JSON-RPC 2.0, section 4 */
export type JsonRpcId = string | number;

/** A JSON-RPC message whose envelope was checked; `params`, `result` and `error` are the SDK's business. */
export type JsonRpcMessage =
  | JsonRpcRequest
  | { jsonrpc: "2.0"; method: string; params?: JsonObject | undefined }
  | { jsonrpc: "2.0"; id: JsonRpcId; result: JsonObject }
  | { jsonrpc: "2.0"; id?: JsonRpcId | undefined; error: JsonRpcError };

/** A message that wants an answer. */
export interface JsonRpcRequest {
  jsonrpc: "2.0";
  id: JsonRpcId;
  method: string;
  params?: JsonObject | undefined;
}

type JsonObject = Record<string, unknown>;

interface JsonRpcError {
  code: number;
  message: string;
  data?: unknown;
}
