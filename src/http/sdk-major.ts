import type { McpServerLike } from "./mcp-transport.js";

/** Whether a server is one of SDK v2, by what those of v1 do not have: it knows revisions of MCP by name. */
export function isOfV2(product: McpServerLike): boolean {
  const { server = product } = product as McpServerLike & { readonly server?: object };
  return "_supportedProtocolVersions" in server;
}
