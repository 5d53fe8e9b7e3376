import { shuttingDown } from "../session/session-end.js";
import { pendingWork } from "../shared/pending-work.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { RouterSession } from "./router-session.js";

/** Whether an endpoint is being closed, and what is still to end before it has. */
export class Shutdown {
  hasBegun = false;
  /** Whether calls to sessions that are here are taken all the same, because those leave one by one. */
  takesCalls = false;
  /** Where a session could leave if it had no more calls: what a new call of it waits for. Then its session is looked at anew. */
  holdCall:
    ((session: RouterSession, request: AdmittedRequest) => Promise<void> | undefined) | undefined;
  /** Servers of sessions that have ended, on their way out. */
  readonly closings = pendingWork();
  /** Responses to what was posted here for sessions that may be at other nodes. */
  readonly relayed = pendingWork();

  /** @throws McpSseError 503 when no new sessions are taken. */
  checkOpen(): void {
    if (this.hasBegun) throw shuttingDown();
  }

  /** @throws McpSseError 503 when no calls are taken. */
  checkCalls(): void {
    if (this.hasBegun && !this.takesCalls) throw shuttingDown();
  }
}
