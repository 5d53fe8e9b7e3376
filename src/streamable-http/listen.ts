import { messageFrame } from "../http/event.js";
import type { ServerEvent } from "../options/streamable-options.js";
import { fromJson } from "../session/message-json.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";

/** Which changes a client has asked to hear of. */
export interface ListenFilter {
  wants(event: ServerEvent): boolean;
}

/** Whether a message asks for a stream of changes. @see MCP 2026-07-28, basic/utilities/subscriptions */
export function isListen(message: JsonRpcMessage): boolean {
  return "method" in message && message.method === "subscriptions/listen" && "id" in message;
}

/** What stands in `notifications` of a `subscriptions/listen`; the SDK refuses what is none. */
export function filterOf(params: unknown): ListenFilter {
  const { notifications } = (params ?? {}) as { notifications?: Record<string, unknown> | null };
  const { toolsListChanged, promptsListChanged, resourcesListChanged, resourceSubscriptions } =
    notifications ?? {};
  const uris = new Set<unknown>(Array.isArray(resourceSubscriptions) ? resourceSubscriptions : []);
  const lists = {
    tools_list_changed: toolsListChanged === true,
    prompts_list_changed: promptsListChanged === true,
    resources_list_changed: resourcesListChanged === true,
  };
  return {
    wants: (event) => (event.kind === "resource_updated" ? uris.has(event.uri) : lists[event.kind]),
  };
}

/** The result of a subscription, which says that it has ended as it should. */
export function endOfSubscription(id: JsonRpcId): string {
  const result = {
    resultType: "complete",
    _meta: { "io.modelcontextprotocol/subscriptionId": id },
  };
  return messageFrame(fromJson(JSON.stringify({ jsonrpc: "2.0", id, result })).json);
}
