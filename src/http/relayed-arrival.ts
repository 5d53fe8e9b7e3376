import type { AdmittedRequest } from "./incoming-request.js";

/** A request that another node has let in and sent here, for a session that it looked up. */
export interface RelayedArrival {
  readonly request: AdmittedRequest;
  /** Whether this node is asked to go on with the session if no node has it. */
  readonly isToAdopt: boolean;
  /** Is called once where the session is not here, or leaves before it has the message: nothing was done then. */
  readonly notHere: () => void;
}
