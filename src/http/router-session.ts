import type { Principal } from "../auth/principal.js";
import type { SessionDirectory } from "../cluster/session-directory.js";
import type { SessionRegistry } from "../session/registry.js";
import type { Session } from "../session/session.js";
import type { MessageExtra } from "./message-extra.js";
import type { SessionTransport } from "./session-transport.js";

/** A session as a router keeps it, over whichever transport. */
export type RouterSession = Session<Principal | undefined, MessageExtra>;

/** The sessions of a router. */
export type Sessions = SessionRegistry<Principal | undefined, MessageExtra>;

/** Where an endpoint finds them. */
export type Directory = SessionDirectory<RouterSession>;

/** An SDK server of either major; only these two methods are used. */
export interface McpServerLike {
  connect(transport: SessionTransport): Promise<void>;
  close(): Promise<void>;
}

/** Makes the SDK server of a session. */
export type ServerFactory = (session: RouterSession) => McpServerLike | Promise<McpServerLike>;
