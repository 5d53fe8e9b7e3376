import type { FactHub } from "../observe/fact-hub.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { CallerGuard } from "./caller-guard.js";
import type { ConversationLimit } from "./conversation-limit.js";
import type { MessageGate } from "./message-gate.js";
import type { Refusals } from "./refusals.js";
import type { RouterSession, Sessions } from "./router-session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Shutdown } from "./shutdown.js";

/** What a router has once, for all its transports. */
export interface RouterContext {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  /** Tells other nodes of those that are here; `undefined` where there are none. */
  readonly keeper: SessionKeeper | undefined;
  /** Counts the conversations of all nodes; `undefined` where there are no others. */
  readonly places: ConversationLimit<RouterSession> | undefined;
  readonly callers: CallerGuard;
  /** Asks the operator's policy; `undefined` where there is none. */
  readonly gate: MessageGate | undefined;
  readonly refusals: Refusals;
  /** Where everything that becomes known of it is told. */
  readonly hub: FactHub;
  readonly shutdown: Shutdown;
}
