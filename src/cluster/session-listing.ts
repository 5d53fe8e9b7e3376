import type { Principal } from "../auth/principal.js";
import type { SessionSummary } from "../session/session-info.js";
import type { ClusterBus } from "./cluster-bus.js";
import { GATHER_MS } from "./router-cluster.js";
import type { ClusterSession, ListedSessions } from "./router-cluster.js";
import { isMeant, readWhose } from "./whose.js";
import type { Owner, Whose } from "./whose.js";

/** A session that can be shown. */
export interface ListableSession extends Owner {
  readonly principal: Principal | undefined;
  toJSON(): SessionSummary;
}

/** The sessions of all nodes, as each of them shows its own. */
export class SessionListing {
  readonly #bus: ClusterBus;
  readonly #here: () => Iterable<ListableSession>;

  constructor(bus: ClusterBus, here: () => Iterable<ListableSession>) {
    this.#bus = bus;
    this.#here = here;
    bus.onQuestion("list", ([, asked]) => {
      const whose = asked === null ? undefined : readWhose(asked);
      if (asked !== null && whose === undefined) throw new TypeError("whose?");
      return this.#shown(whose);
    });
  }

  /** @param whose `undefined` for everybody's. */
  async list(whose: Whose | undefined): Promise<ListedSessions> {
    const here = this.#shown(whose);
    const { answers, unreached } = await this.#bus.gather(["list", whose ?? null], GATHER_MS);
    const all = [[this.#bus.node, here] as const, ...answers];
    const understood = all.filter(([, answer]) => Array.isArray(answer));
    const silent = all
      .map(([node]) => node)
      .filter((node) => !understood.some(([one]) => one === node));
    return { sessions: understood.flatMap(shownAt), unreached: [...unreached, ...silent] };
  }

  #shown(whose: Whose | undefined): readonly SessionSummary[] {
    return [...this.#here()]
      .filter((session) => whose === undefined || isMeant(whose, session))
      .map((session) => session.toJSON());
  }
}

/** A node of a later release may show more, and one of an earlier less: it is shown as it came. */
function shownAt([node, answer]: readonly [string, unknown]): readonly ClusterSession[] {
  return (answer as readonly SessionSummary[]).map((session) => ({ node, ...session }));
}
