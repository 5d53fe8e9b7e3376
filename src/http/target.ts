import type { IncomingRequest } from "./incoming-request.js";
import type { TransportRoute } from "./transport.js";

/** What a path leads to. */
export type Target = DocumentTarget | SignInTarget | TransportTarget;

/** A document that anybody may read, from any page. */
export interface DocumentTarget {
  readonly kind: "document";
  /** @throws McpSseError for another method than GET. */
  send(request: IncomingRequest): void;
}

/** The pages of a sign-in, which find out themselves who is there. */
export interface SignInTarget {
  readonly kind: "sign-in";
  /** Whether other sites post forms to this path. */
  readonly takesForeignForms: boolean;
  handle(request: IncomingRequest): Promise<void>;
}

/** A path of one or more transports. */
export interface TransportTarget {
  readonly kind: "transport";
  /** By their methods. */
  readonly routes: ReadonlyMap<string, TransportRoute>;
}
