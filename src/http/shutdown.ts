import { shuttingDown } from "../session/session-end.js";
import { PendingWork } from "../shared/pending-work.js";

/** Whether an endpoint is being closed, and what is still to end before it has. */
export class Shutdown {
  hasBegun = false;
  /** Servers of sessions that have ended, on their way out. */
  readonly closings = new PendingWork();

  /** @throws McpSseError 503 when no new sessions and calls are taken. */
  checkOpen(): void {
    if (this.hasBegun) throw shuttingDown();
  }
}
