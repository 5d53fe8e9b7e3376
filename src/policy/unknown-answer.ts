import { INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND } from "../shared/json-rpc.js";
import type { JsonRpcError, JsonRpcRequest, JsonRpcResponse } from "../shared/json-rpc.js";
import type { Denied } from "./policy.js";
import { isSpokenFor } from "./targets.js";
import { parseUrl } from "../shared/url.js";

/** Which of the SDK's major versions a server is of. */
export type SdkMajor = "v1" | "v2";

/**
 * What an `McpServer` answers to a request for something that it does not have.
 *
 * Security decision: whoever may not know that something exists gets the very bytes that they would get if it did
 * not, members in the same order included. The two majors differ, so a session's own is asked for.
 */
export function unknownAnswer(
  request: JsonRpcRequest,
  denied: Denied,
  sdk: SdkMajor,
): JsonRpcResponse {
  const { id } = request;
  const error = unknownError(request, denied, sdk);
  if (sdk === "v1" && denied.kind === "tool") {
    const result = { content: [{ type: "text", text: error.message }], isError: true };
    return { result, jsonrpc: "2.0", id };
  }
  return { jsonrpc: "2.0", id, error };
}

function unknownError(
  { method }: JsonRpcRequest,
  { kind, name }: Denied,
  sdk: SdkMajor,
): JsonRpcError {
  switch (kind) {
    case "tool":
      return invalid(sdk, `Tool ${name} not found`);
    case "prompt":
      return invalid(sdk, `Prompt ${name} not found`);
    case "resource":
      return UNKNOWN_URI.get(method)?.(name, sdk) ?? unknownResource(name, sdk);
    case "method":
      // A request without the members of its method is not denied for its method.
      return isSpokenFor(method)
        ? invalid(sdk, "Invalid params")
        : { code: METHOD_NOT_FOUND, message: "Method not found" };
  }
}

/** Where it is not an unknown resource that is told. Skills are an extension of SDK v2. */
const UNKNOWN_URI = new Map<string, (uri: string, sdk: SdkMajor) => JsonRpcError>([
  ["completion/complete", (uri, sdk) => invalid(sdk, `Resource template ${uri} not found`)],
  ["skills/get", (uri, sdk) => invalid(sdk, `No skill is served at ${uri}`)],
  ["resources/directory/read", (uri, sdk) => invalid(sdk, `${uri} is not a directory resource`)],
]);

function unknownResource(uri: string, sdk: SdkMajor): JsonRpcError {
  const url = parseUrl(uri)?.href;
  if (sdk === "v1") {
    return url === undefined
      ? { code: INTERNAL_ERROR, message: "Invalid URL" }
      : invalid(sdk, `Resource ${url} not found`);
  }
  return url === undefined
    ? invalid(sdk, `Resource URI ${uri} is invalid`, { uri, reason: "invalid_uri" })
    : invalid(sdk, `Resource not found: ${uri}`, { uri });
}

/** SDK v1 repeats the code in the message. */
function invalid(sdk: SdkMajor, text: string, data?: unknown): JsonRpcError {
  const message = sdk === "v1" ? `MCP error ${INVALID_PARAMS}: ${text}` : text;
  return { code: INVALID_PARAMS, message, ...(data !== undefined && { data }) };
}
