import type { AuthConfig } from "../../strategies/index.js";
import type { Principal } from "../auth/principal.js";
import type { SseOptions, McpServerLike } from "../options/options.js";
import type { SessionInfo } from "../session/session-info.js";

/** Options of `createSseRouter`. `P` is the type of the principal: `undefined` where `auth` is `false`. */
export interface SseRouterOptions<P = Principal> extends SseOptions {
  /** How callers are authenticated; several methods in a list let in whoever passes one. `false` opens the endpoint to everybody. */
  auth: P extends Principal ? AuthConfig : false;
  /**
   * Makes the SDK server of one session: a new one at each call. Runs after authentication and
   * before the client gets an answer.
   *
   * A throw answers the client 500, silence for `sessions.openTimeoutMs` 503, a server that was
   * returned before 500; other sessions are not affected.
   */
  createServer: (session: SessionInfo<P>) => McpServerLike | Promise<McpServerLike>;
}
