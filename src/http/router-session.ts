import type { Principal } from "../auth/principal.js";
import type { MessageExtra } from "./message-extra.js";
import type { McpServerLike } from "../options/options.js";
import type { SessionRegistry } from "../session/registry.js";
import type { Session } from "../session/session.js";

/** A session as the router keeps it. */
export type RouterSession = Session<Principal | undefined, MessageExtra>;
/** The sessions of a router. */
export type Sessions = SessionRegistry<Principal | undefined, MessageExtra>;
/** Makes the SDK server of a session. */
export type ServerFactory = (session: RouterSession) => McpServerLike | Promise<McpServerLike>;
