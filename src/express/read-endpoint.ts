import type { AuthConfig } from "../../strategies/auth-config.js";
import type { ServerFactory } from "../http/mcp-transport.js";
import { WIRE_DIRECTIONS } from "../options/misplaced-options.js";
import { resolveOptions } from "../options/resolve.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { readWires, SSE_ONLY } from "../options/streamable-options.js";
import type { StreamablePaths, Wires } from "../options/streamable-options.js";
import { checkOptionNames } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { MCP_ROUTER_OPTION_NAMES, ROUTER_OPTION_NAMES, ROUTER_OPTIONS } from "./router-options.js";

/** How an endpoint is served. */
export interface Serving {
  /** What comes before an option's name in errors. */
  readonly path: string;
  /** Whether requests for known sessions are answered before they are routed. */
  readonly hasFastPath: boolean;
  /** Paths below the mount at which Streamable HTTP is served. Default: HTTP+SSE only. */
  readonly streamableAt?: StreamablePaths | undefined;
}

/** How `createSseRouter` serves. */
export const HTTP_SSE: Serving = { path: "options", hasFastPath: true };

/** How `createMcpRouter` serves. */
export const ALL_WIRES: Serving = {
  ...HTTP_SSE,
  // Beside the mount, where clients find HTTP+SSE: those that try Streamable HTTP first need no other URL.
  streamableAt: ({ endpoint }) => ["", endpoint],
};

/** What the options of an endpoint come to. */
export interface EndpointSettings {
  readonly auth: AuthConfig | false;
  readonly createServer: ServerFactory;
  readonly name: string;
  readonly wires: Wires;
  readonly options: ResolvedOptions;
  /** Paths below the mount for which clients ask tokens. */
  readonly resources: readonly string[];
}

/**
 * Checks and completes the options of an endpoint.
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function readEndpoint(given: unknown, serving: Serving): EndpointSettings {
  const { path, streamableAt } = serving;
  checkOptionNames(path, given, optionNames(serving), WIRE_DIRECTIONS);
  const { auth, createServer, name } = opt.readOptions(ROUTER_OPTIONS, path, given);
  const wires = streamableAt === undefined ? SSE_ONLY : readWires(path, given);
  const options = resolveOptions(given, path, wires);
  // A client asks for a token with the very URL that its user has typed.
  const resources = streamableAt?.(options) ?? [options.endpoint];
  return { auth, createServer, name, wires, options, resources };
}

/** Those that a router for these wires takes. */
function optionNames({ streamableAt }: Serving): readonly string[] {
  return streamableAt === undefined ? ROUTER_OPTION_NAMES : MCP_ROUTER_OPTION_NAMES;
}
