import type { AuthConfig, PrincipalFor } from "../../strategies/auth-config.js";
import type { SessionInfo } from "../session/session-info.js";
import type { HttpStreamServerOptions } from "./http-stream-options.js";
import type { SseServerOptions } from "./server-options.js";

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- "expect-error" would itself be an error where the SDK is installed
/**
 * The server class of SDK v1, an optional peer: where it is not installed this type is `any`,
 * and everything else still compiles.
 * @ts-ignore -- counts only on the last line of a comment */
// eslint-disable-next-line @typescript-eslint/consistent-type-imports -- the directive above needs one declaration to stand on
export type SdkMcpServer = import("@modelcontextprotocol/sdk/server/mcp.js").McpServer;

/** Registers tools, resources and prompts; `P` is the type of the session's principal. */
export type Setup<P> = (server: SdkMcpServer, session: SessionInfo<P>) => void | Promise<void>;

/** Options of `MCPServer`. `W` and `M` are what is written for `auth`, see {@link AuthFor}. */
export interface McpServerConfig<W = AuthConfig | false, M = never> {
  /** Name that clients are told. Default: `"mcp-server"`. */
  name?: string;
  /** Version that clients are told. Default: `"0.0.0"`. */
  version?: string;
  /**
   * Registers what the server offers; runs once for each session, after authentication and
   * before the client gets an answer. A throw answers that client 500 and nobody else. Default:
   * a server without tools, and a warning.
   */
  setup?: Setup<PrincipalFor<W, M>>;
  /** How clients reach it. Default: `{ type: "stdio" }`. */
  transport?: SseTransportConfig<W, M> | HttpStreamTransportConfig<W, M> | StdioTransportConfig;
}

/** HTTP+SSE on a port of its own. */
export interface SseTransportConfig<W = AuthConfig | false, M = never> {
  type: "sse";
  options?: SseServerOptions<W, M>;
}

/** Streamable HTTP on a port of its own. */
export interface HttpStreamTransportConfig<W = AuthConfig | false, M = never> {
  type: "http-stream";
  options?: HttpStreamServerOptions<W, M>;
}

/** Standard input and output of this process; its parent is the only client, so there is nobody to authenticate. */
export interface StdioTransportConfig {
  type: "stdio";
}
