import type { ByteShare } from "./byte-budget.js";
import type { ContinuationRules } from "./continuation.js";
import type { EndedSessions } from "./ended-sessions.js";
import type { ExchangeLimits } from "./exchanges.js";
import type { SessionLimits } from "./limits.js";
import type { SessionInfo } from "./session-info.js";
import type { SessionObserver } from "./session-observer.js";
import type { PrincipalTest } from "./session-registry.js";

/** What a registry of sessions of kind `S` needs to know of the world around it. */
export interface LocalSessionRegistryOptions<P, S = unknown, E = unknown> {
  /** The key under which a principal owns sessions. */
  readonly ownerKeyOf: (principal: P) => string;
  /** Hears of whom everything is ended, before it is. Default: nobody does. */
  readonly onRevoked?: (
    isMeant: (one: { readonly ownerKey: string; readonly principal: P }) => boolean,
  ) => void;
  /** Has the same ended at other nodes. Default: there are none. */
  readonly closeElsewhere?: ((whose: P | PrincipalTest<P>) => void) | undefined;
  /** Hears of listeners that throw; the sessions go on. */
  readonly onListenerError: (
    error: unknown,
    of: "router.sessions" | "session.onPrincipalChanged",
  ) => void;
  /** What must be the same, beside the owner, for a request to go on with a session. Default: nothing. */
  readonly rules?: ContinuationRules;
  /** Hears what is wrong with the application's part of a session, in words. Default: nobody does. */
  readonly onFault?: (session: SessionInfo<P>, fault: string) => void;
  /** Default: none. */
  readonly limits?: SessionLimits;
  /** Of wires without sessions. Default: none. */
  readonly exchangeLimits?: ExchangeLimits | undefined;
  /** Whether everybody may call, so that sessions have no owners. Default: false. */
  readonly isOpenEndpoint?: boolean;
  /** Remembers what must not be restored. Default: nothing is restored. */
  readonly ended?: EndedSessions<P> | undefined;
  /** Hears of everything before the application does. Default: nobody does. */
  readonly observer?: SessionObserver<S, P, E>;
  /** How many bytes may be held for them. Default: no bound of this registry. */
  readonly bytes?: ByteShare;
}
