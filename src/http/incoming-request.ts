import type { ServerResponse } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { wasForwarded } from "./forwarded.js";
import { mountOf, pathOf } from "./mount.js";
import type { HostRequest, Mount } from "./mount.js";
import { partsOf } from "./request-parts.js";
import type { RequestParts } from "./request-parts.js";

/** A request to one of our paths, before anything that it says of itself counts. */
export interface IncomingRequest {
  readonly req: HostRequest;
  readonly res: ServerResponse;
  /** Of `req`. */
  readonly parts: RequestParts;
  /** Path below the mount, without query. */
  readonly path: string;
  /** Where it came in. */
  readonly mount: Mount;
  /** Whether a proxy that the application trusts forwarded it. */
  readonly viaTrustedProxy: boolean;
}

/** A request that cannot be answered, whatever is known of it. */
export type RefusedRequest = Pick<IncomingRequest, "req" | "res">;

/** A request whose caller was let in. */
export interface AdmittedRequest extends IncomingRequest {
  readonly caller: Caller;
  /**
   * Hands a request that came by the fast path to whoever else would have got it, who takes it the
   * ordinary way; `undefined` if it came that way.
   */
  readonly passOn: (() => void) | undefined;
  /**
   * Has the request look for its session again, which has left this node before it had the message: nothing
   * was answered, and what was read of the body is in `req.body`. Default: its session goes nowhere.
   */
  readonly again?: () => void;
  /** Id of the session for which another node has sent it here. Default: it came in at this one. */
  readonly relayedFor?: string;
}

/** A request as its host hands it over, for the {@link Pipeline}. */
export function incomingRequest(req: HostRequest, res: ServerResponse): IncomingRequest {
  const parts = partsOf(req);
  const mount = mountOf(req);
  const viaTrustedProxy = wasForwarded(parts, mount.trustsProxy);
  return { req, res, parts, path: pathOf(req), mount, viaTrustedProxy };
}
