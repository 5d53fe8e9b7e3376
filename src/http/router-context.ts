import type { ResolvedOptions } from "../options/resolve.js";
import type { CallerGuard } from "./caller-guard.js";
import type { ConversationLimit } from "./conversation-limit.js";
import type { Refusals } from "./refusals.js";
import type { ReturningClients } from "./returning-clients.js";
import type { Sessions } from "./router-session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Shutdown } from "./shutdown.js";

/** What a router has once, for all its transports. */
export interface RouterContext {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  /** Tells other nodes of those that are here; `undefined` where there are none. */
  readonly keeper: SessionKeeper | undefined;
  /** Finds those at other nodes whose clients come back here; `undefined` where there are none. */
  readonly returning: ReturningClients | undefined;
  /** Counts the conversations of all nodes; `undefined` where there are no others. */
  readonly places: ConversationLimit | undefined;
  readonly callers: CallerGuard;
  readonly refusals: Refusals;
  readonly shutdown: Shutdown;
}
