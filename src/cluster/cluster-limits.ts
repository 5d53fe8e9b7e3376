import { ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";
import type { LocalSessionRegistry } from "../session/local-session-registry.js";
import type { SessionLimits } from "../session/limits.js";
import type { PrincipalTest } from "../session/session-registry.js";
import type { Session } from "../session/session.js";
import type { Logger } from "../shared/logger.js";
import { dropAbandoned } from "./abandoned-session.js";
import type { SessionRecords } from "./abandoned-session.js";
import type { ClusterBus } from "./cluster-bus.js";
import { ClusterView } from "./cluster-view.js";
import type { ClusterEngine } from "./engine.js";
import { OwnerPlaces } from "./owner-places.js";
import { Revocations } from "./revocations.js";
import { SessionListing } from "./session-listing.js";
import type { NamedCaller } from "./whose.js";

export interface ClusterLimitsInit<E> {
  readonly bus: ClusterBus;
  readonly engine: ClusterEngine;
  readonly records: SessionRecords;
  readonly sessions: LocalSessionRegistry<Principal | undefined, E>;
  readonly limits: SessionLimits;
  /** Whether everybody may call, so that sessions have no owners. */
  readonly isOpenEndpoint: boolean;
  /** How long a session can be gone on with whose node has died, in milliseconds. */
  readonly recordTtlMs: number;
  readonly relayTimeoutMs: number;
  /** Has every caller verified anew. */
  readonly forgetCallers: () => void;
  readonly logger: Logger;
}

/** What holds for all nodes together: limits, revocation, and what the application sees of it. */
export class ClusterLimits<E> {
  readonly view: ClusterView;
  readonly places: OwnerPlaces<Session<Principal | undefined, E>>;
  readonly revocations: Revocations;

  constructor(init: ClusterLimitsInit<E>) {
    const { bus, engine, records, sessions, limits, isOpenEndpoint, logger } = init;
    this.revocations = new Revocations({
      ...{ bus, engine, sessions, logger, forgetCallers: init.forgetCallers },
      keyOf: (mark) => `r:${bus.nameOf("revoked", mark)}`,
    });
    this.places = new OwnerPlaces({
      ...{ bus, engine },
      setOf: (ownerKey) => `o:${bus.nameOf("owner", ownerKey)}`,
      nameOf: (id) => records.keyOf(id),
      dropAbandoned: (key) => dropAbandoned(key, records, bus),
      local: sessions.admission,
      max: isOpenEndpoint ? 0 : limits.maxSessionsPerPrincipal,
      ttlMs: init.recordTtlMs,
      waitMs: init.relayTimeoutMs,
    });
    // One that has moved was not admitted here.
    sessions.on("begun", ({ id, principal }) => {
      for (const session of sessions.admission.sessionsOf(ownerKey(principal))) {
        if (session.id === id) this.places.noteBegun(session);
      }
    });
    // Without exchanges, which nobody can find.
    const listed = () => sessions.all().filter(({ id }) => sessions.get(id) !== undefined);
    const listing = new SessionListing(bus, listed);
    this.view = new ClusterView({ bus, listing, revocations: this.revocations, logger });
  }

  /** Does nothing by itself any more. */
  stop(): void {
    this.places.stop();
    this.revocations.stop();
  }

  /** Has other nodes end what has been ended here, as well as that can be done; what cannot is logged. */
  closeElsewhere(
    whose: Principal | NamedCaller | PrincipalTest<Principal | undefined> | undefined,
  ): void {
    this.view.sessions.closeFor(whose).catch(() => undefined);
  }
}
