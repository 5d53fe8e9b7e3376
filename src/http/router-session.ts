import type { Principal } from "../auth/principal.js";
import type { LocalSessionRegistry } from "../session/local-session-registry.js";
import type { Session } from "../session/session.js";
import type { MessageExtra } from "./mcp-transport.js";

/** A session as a router keeps it, over whichever transport. */
export type RouterSession = Session<Principal | undefined, MessageExtra>;

/** The sessions of a router. */
export type Sessions = LocalSessionRegistry<Principal | undefined, MessageExtra>;
