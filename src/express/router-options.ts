import type { AuthConfig, AuthFor, PrincipalFor } from "../../strategies/auth-config.js";
import type { McpServerLike, ServerFactory } from "../http/mcp-transport.js";
import { SSE_OPTIONS } from "../options/options.js";
import type { SseOptions } from "../options/options.js";
import { WIRE_OPTIONS } from "../options/streamable-options.js";
import type { SessionInfo } from "../session/session-info.js";
import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** Options of `createSseRouter`. `W` and `M` are what is written for `auth`, see {@link AuthFor}. */
export interface SseRouterOptions<W = AuthConfig, M = never> extends SseOptions {
  /** How callers are authenticated; several methods in a list let in whoever passes one. `false` opens the endpoint to everybody. */
  auth: AuthFor<W, M>;
  /**
   * What tells this router from others of its process in what subscribers and `audit` are told. Default: `"mcp"`.
   */
  name?: string;
  /**
   * Makes the SDK server of one session: a new one at each call. Runs after authentication and
   * before the client gets an answer.
   *
   * A throw answers the client 500, silence for `sessions.openTimeoutMs` 503, a server that was
   * returned before 500; other sessions are not affected.
   */
  createServer: (
    session: SessionInfo<PrincipalFor<W, M>>,
  ) => McpServerLike | Promise<McpServerLike>;
}

/** What {@link SseRouterOptions} has beside the options of the wire. */
export const ROUTER_OPTIONS = {
  auth: opt.custom("method, list of methods, or `false`", readAuth),
  name: opt.withDefault(opt.text(), "mcp"),
  createServer: opt.callback<ServerFactory>(
    "Write createServer: (session) => new McpServer({ … }).",
  ),
} satisfies opt.Declares<Omit<SseRouterOptions, keyof SseOptions>>;

/** Names that `createSseRouter` takes. */
export const ROUTER_OPTION_NAMES = [...Object.keys(ROUTER_OPTIONS), ...Object.keys(SSE_OPTIONS)];

/** Names that `createMcpRouter` takes. */
export const MCP_ROUTER_OPTION_NAMES = [...ROUTER_OPTION_NAMES, ...Object.keys(WIRE_OPTIONS)];

/**
 * Security decision: only the word `false` opens an endpoint. A missing or empty `auth` is a
 * mistake, for example a configuration file that was not found.
 */
function readAuth(name: string, value: unknown): AuthConfig | false {
  if (value !== undefined) return value as AuthConfig | false;
  throw optionError(
    name,
    "is missing",
    'Say who may call, for example { type: "jwt", options: { … } }, or write false to let everybody in.',
  );
}
