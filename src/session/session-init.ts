import type { IncomingMessage } from "node:http";
import type { UpstreamToken } from "../shared/upstream-token.js";
import type { KeptHandshake } from "./kept-handshake.js";
import type { SessionLimits } from "./limits.js";
import type { Requester } from "./requester.js";

/** Who opens a session, and with what: the request that does has all of it. */
export interface SessionInit<P> extends Requester {
  readonly principal: P;
  readonly request: IncomingMessage;
  /** When the owner's credential ends, in milliseconds since the epoch. Default: never. */
  readonly validUntil?: number | undefined;
  /** Whom the request came from. Default: nobody knows. */
  readonly address?: string | undefined;
  /** Looks up the identity provider's token for the session's principal. Default: there is none. */
  readonly upstream?: ((principal: P & object) => Promise<UpstreamToken>) | undefined;
  /** Its bounds. Default: none. */
  readonly limits?: SessionLimits;
  /** The id of one that is restored. Default: it is new. */
  readonly restoredId?: string | undefined;
  /** What it was at another node. Default: it was at none. */
  readonly moved?: MovedFacts | undefined;
}

/** What a session keeps of itself where it goes on at another node. */
export interface MovedFacts {
  readonly id: string;
  readonly openedAt: number;
  readonly memo: unknown;
  readonly handshake: KeptHandshake | undefined;
  /** The node where it was, if that had not let go of it. */
  readonly from: string | undefined;
}
