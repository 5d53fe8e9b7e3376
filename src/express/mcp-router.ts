import type { IRouterMatcher } from "express";
import type { AuthConfig } from "../../strategies/auth-config.js";
import type { WireOptions } from "../options/streamable-options.js";
import { createNotifier } from "../streamable-http/change-bus.js";
import type { Notifier } from "../streamable-http/notifier.js";
import { buildRouter } from "./build-router.js";
import { ALL_WIRES } from "./read-endpoint.js";
import type { SseRouterOptions } from "./router-options.js";
import type { SseRouter } from "./router-interface.js";

/** Options of `createMcpRouter`. `W` and `M` are what is written for `auth`, as in {@link SseRouterOptions}. */
export interface McpRouterOptions<W = AuthConfig, M = never>
  extends SseRouterOptions<W, M>, WireOptions {}

/** An authenticated MCP endpoint for clients of every wire. */
export interface McpRouter extends SseRouter {
  /**
   * Tells subscribers of 2026-07-28 what has changed. Called, it is what every router has: it routes the
   * HTTP method NOTIFY.
   */
  readonly notify: Notifier & IRouterMatcher<this>;
}

/**
 * An MCP endpoint for an existing Express app, for clients old and new: Streamable HTTP at the mount
 * itself, HTTP+SSE at `/sse` and `/messages` below it, under the same guard. Clients that know both
 * use Streamable HTTP at `/sse` as well, so that their configuration can stay as it is.
 *
 * @example
 * ```ts
 * const router = createMcpRouter({
 *   auth: { type: "apikey", options: { keys: [process.env["API_KEY"] ?? ""] } },
 *   createServer: () => new McpServer({ name: "notes", version: "1.0.0" }),
 * });
 * express().use("/mcp", router).listen(8080);
 * ```
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function createMcpRouter<const W = unknown, M = never>(
  options: McpRouterOptions<W, M>,
): McpRouter {
  const { router, assembly } = buildRouter(options, ALL_WIRES);
  const notify = Object.assign(router.notify.bind(router), createNotifier(assembly.bus));
  return Object.assign(router, { notify }) as McpRouter;
}
