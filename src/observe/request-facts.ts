import type { CallEnd } from "../session/watched-call.js";
import type { JsonRpcId, JsonRpcRequest } from "../shared/json-rpc.js";
import type { CallEnded, CallTarget } from "./facts.js";

/** Longest method, name and id that facts repeat, in characters. */
const MAX_TEXT = 256;

/** What came of a request of a client. */
export function outcomeOf(how: CallEnd): Pick<CallEnded, "outcome" | "rpcCode"> {
  if (typeof how === "string") {
    return { outcome: how === "failed" ? "error" : how, rpcCode: undefined };
  }
  if ("error" in how) return { outcome: "error", rpcCode: rpcCodeOf(how) };
  const isError = (Object(how.result) as { readonly isError?: unknown }).isError === true;
  return { outcome: isError ? "tool-error" : "ok", rpcCode: undefined };
}

/** Of an answer that is an error. */
export function rpcCodeOf({ error }: { readonly error?: unknown }): number | undefined {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/** What a request is about; a name that is no text is none. */
export function targetIn(
  method: string,
  params: JsonRpcRequest["params"],
): { readonly kind: CallTarget["kind"]; readonly name: string } | undefined {
  const named = (kind: CallTarget["kind"], name: unknown) =>
    typeof name === "string" ? { kind, name } : undefined;
  switch (method) {
    case "tools/call":
      return named("tool", params?.["name"]);
    case "prompts/get":
      return named("prompt", params?.["name"]);
    case "resources/read":
    case "resources/subscribe":
    case "resources/unsubscribe":
      return named("resource", params?.["uri"]);
    default:
      return undefined;
  }
}

/** A slice would keep the whole message alive that it is cut from. */
export function shorten(text: string): string {
  return text.length <= MAX_TEXT ? text : Buffer.from(text.slice(0, MAX_TEXT)).toString();
}

/** Ids are of JSON-RPC's two kinds. */
export function shortId(id: JsonRpcId): JsonRpcId {
  return typeof id === "string" ? shorten(id) : id;
}
