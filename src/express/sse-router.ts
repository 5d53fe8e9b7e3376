import { buildRouter } from "./build-router.js";
import { HTTP_SSE } from "./read-endpoint.js";
import type { SseRouterOptions } from "./router-options.js";
import type { SseRouter } from "./router-interface.js";

/**
 * An MCP endpoint for an existing Express app: `app.use("/mcp", createSseRouter({ … }))`.
 * Opens no port and installs no global middleware.
 *
 * @example
 * ```ts
 * const router = createSseRouter({
 *   auth: { type: "apikey", options: { keys: [process.env["API_KEY"] ?? ""] } },
 *   createServer: (session) => {
 *     const mcp = new McpServer({ name: "notes", version: "1.0.0" });
 *     mcp.registerTool("whoami", {}, () => ({
 *       content: [{ type: "text", text: session.principal.id }],
 *     }));
 *     return mcp;
 *   },
 * });
 * express().use("/mcp", router).listen(8080);
 * ```
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function createSseRouter<const W = unknown, M = never>(
  options: SseRouterOptions<W, M>,
): SseRouter {
  return buildRouter(options, HTTP_SSE).router;
}
