import type { IncomingMessage } from "node:http";

/** As much of a principal as decides what it may do. */
export interface Rights {
  readonly scopes?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Who made a request, where and how: one that would continue a session, or the one that opened it. */
export interface Requester {
  /** Method, issuer, subject and client together. */
  readonly ownerKey: string;
  /** {@link Rights}; `undefined` on an open endpoint. */
  readonly principal: unknown;
  /** Path of the mount as requests arrive here. Default: none. */
  readonly mount?: string | undefined;
  /** Path that was asked for, as the client sees it, where the session would be heard. Default: none. */
  readonly path?: string | undefined;
  readonly request: Pick<IncomingMessage, "headers" | "url">;
}
