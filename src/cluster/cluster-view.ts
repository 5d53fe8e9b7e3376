import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import type { Principal } from "../auth/principal.js";
import { Announcer } from "../session/announcer.js";
import type { SessionInfo } from "../session/session-info.js";
import type { PrincipalTest } from "../session/session-registry.js";
import type { Logger } from "../shared/logger.js";
import type { ClusterBus, ClusterNode, ClusterState } from "./cluster-bus.js";
import type { Revocations } from "./revocations.js";
import type { ClosedSessions, ClusterEvents, ClusterSessions } from "./router-cluster.js";
import type { ListedSessions, RouterCluster } from "./router-cluster.js";
import type { SessionListing } from "./session-listing.js";
import { whoseOf } from "./whose.js";
import type { NamedCaller } from "./whose.js";

export interface ClusterViewInit {
  readonly bus: ClusterBus;
  readonly listing: SessionListing;
  readonly revocations: Revocations;
  readonly logger: Logger;
}

/** What an application sees of the cluster that its router is in. */
export class ClusterView implements RouterCluster {
  readonly node: string;
  readonly sessions: ClusterSessions;
  readonly #bus: ClusterBus;
  readonly #announcer: Announcer<ClusterEvents>;

  constructor({ bus, listing, revocations, logger }: ClusterViewInit) {
    this.node = bus.node;
    this.#bus = bus;
    this.sessions = new ViewedSessions(listing, revocations);
    const announcer = new Announcer<ClusterEvents>(() =>
      logger.error("a listener of router.cluster threw"),
    );
    this.#announcer = announcer;
    bus.on("up", () => announcer.announce("up"));
    bus.on("down", () => announcer.announce("down"));
    bus.on("node-lost", (node) => announcer.announce("node-lost", node));
  }

  get state(): ClusterState {
    return this.#bus.state;
  }

  nodes(): readonly ClusterNode[] {
    return this.#bus.nodes();
  }

  on<K extends keyof ClusterEvents>(event: K, listener: (...args: ClusterEvents[K]) => void): this {
    this.#announcer.on(event, listener);
    return this;
  }

  off<K extends keyof ClusterEvents>(
    event: K,
    listener: (...args: ClusterEvents[K]) => void,
  ): this {
    this.#announcer.off(event, listener);
    return this;
  }

  /** A session that was at another node goes on here. */
  noteMoved(session: SessionInfo<Principal | undefined>, from: string | undefined): void {
    this.#announcer.announce("moved", session, from);
  }

  toJSON(): {
    readonly node: string;
    readonly state: ClusterState;
    readonly nodes: readonly ClusterNode[];
  } {
    const { node, state } = this;
    return { node, state, nodes: this.nodes() };
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `RouterCluster ${inspect(this.toJSON(), options)}`;
  }
}

class ViewedSessions implements ClusterSessions {
  readonly #listing: SessionListing;
  readonly #revocations: Revocations;

  constructor(listing: SessionListing, revocations: Revocations) {
    this.#listing = listing;
    this.#revocations = revocations;
  }

  async list(of: { readonly principal?: Principal | NamedCaller } = {}): Promise<ListedSessions> {
    return await this.#listing.list("principal" in of ? whoseOf(of.principal) : undefined);
  }

  async closeFor(
    whose: Principal | NamedCaller | PrincipalTest<Principal | undefined> | undefined,
  ): Promise<ClosedSessions> {
    return typeof whose === "function"
      ? await this.#revocations.closeWhere(whose)
      : await this.#revocations.closeFor(whoseOf(whose));
  }
}
