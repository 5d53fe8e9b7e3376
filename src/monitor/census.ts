import type { Principal } from "../auth/principal.js";
import type { ClusterNode, ClusterState } from "../cluster/cluster-bus.js";
import type { RouterCluster } from "../cluster/router-cluster.js";
import type { SessionSummary } from "../session/session-info.js";
import type { PrincipalTest } from "../session/session-registry.js";
import { isPerson, personOf } from "./person.js";
import type { Person, PersonShown } from "./person.js";
import { numberOf, textOf } from "./text.js";

/** A session as the page shows it. */
export interface SessionRow {
  /** `undefined` where there are no others. */
  readonly node: string | undefined;
  readonly id: string;
  readonly person: PersonShown | undefined;
  readonly transport: string;
  readonly era: string;
  readonly state: string;
  readonly hasBegun: boolean;
  readonly openedAt: number;
  readonly activeAt: number;
  readonly inFlight: number;
  readonly waitingBytes: number;
  /** 0 where nothing waits. */
  readonly waitingSince: number;
  readonly client: string;
  readonly address: string;
}

/** Somebody who has sessions. */
export interface PersonRow {
  readonly person: PersonShown;
  readonly sessions: number;
  readonly inFlight: number;
  readonly activeAt: number;
}

/** The nodes, and those of them that said nothing. */
export interface NodesShown {
  readonly node: string;
  readonly state: ClusterState;
  readonly nodes: readonly ClusterNode[];
  readonly unreached: readonly string[];
}

/** Who is connected, to all nodes. */
export interface Census {
  /** The oldest first. */
  readonly sessions: readonly SessionRow[];
  readonly cluster: NodesShown | undefined;
}

/** What came of ending somebody's sessions. */
export interface Ended {
  readonly closed: number;
  /** `undefined` where there are no others. */
  readonly nodes: readonly string[] | undefined;
  readonly unreached: readonly string[];
}

/** The sessions of this process. */
export interface SessionsHere {
  list(): readonly { toJSON(): SessionSummary }[];
  closeFor(isMeant: PrincipalTest<Principal | undefined>): number;
}

/** Looks who is connected. */
export async function takeCensus(
  sessions: SessionsHere,
  cluster: RouterCluster | undefined,
): Promise<Census> {
  if (cluster === undefined) {
    const rows = sessions.list().map((session) => rowOf({ ...session.toJSON() }));
    return { sessions: rows, cluster: undefined };
  }
  const listed = await cluster.sessions.list();
  const rows = listed.sessions.map((session) => rowOf({ ...session }));
  rows.sort((a, b) => a.openedAt - b.openedAt);
  const { node, state, nodes } = cluster.toJSON();
  return {
    sessions: rows,
    cluster: { node, state, nodes, unreached: listed.unreached },
  };
}

/** Ends all sessions of somebody, in all nodes. */
export async function endSessionsOf(
  person: Person,
  sessions: SessionsHere,
  cluster: RouterCluster | undefined,
): Promise<Ended> {
  if (cluster === undefined) {
    const closed = sessions.closeFor((principal) => isPerson(person, personOf(principal)));
    return { closed, nodes: undefined, unreached: [] };
  }
  const { id, issuer } = person;
  return await cluster.sessions.closeFor({ id, ...(issuer !== undefined && { issuer }) });
}

/** A node of another release may show more or less: what is no text or number is shown as nothing. */
function rowOf(summary: Readonly<Record<string, unknown>>): SessionRow {
  const { name, version } = Object(summary["client"]) as Readonly<Record<string, unknown>>;
  return {
    node: typeof summary["node"] === "string" ? summary["node"] : undefined,
    id: textOf(summary["id"]),
    person: personOf(summary["principal"]),
    transport: textOf(summary["transport"]),
    era: textOf(summary["era"]),
    state: textOf(summary["state"]),
    hasBegun: summary["hasBegun"] === true,
    openedAt: numberOf(summary["openedAt"]),
    activeAt: numberOf(summary["activeAt"]),
    inFlight: numberOf(summary["inFlight"]),
    waitingBytes: numberOf(summary["waitingBytes"]),
    waitingSince: numberOf(summary["waitingSince"]),
    client: [textOf(name), textOf(version)].join(" ").trim(),
    address: textOf(summary["address"]),
  };
}

/** Who has sessions, those with most of them first. */
export function peopleOf(rows: readonly SessionRow[]): readonly PersonRow[] {
  const people = new Map<string, PersonRow>();
  for (const { person, inFlight, activeAt } of rows) {
    if (person === undefined) continue;
    const key = JSON.stringify([person.id, person.issuer]);
    const known = people.get(key) ?? { person, sessions: 0, inFlight: 0, activeAt: 0 };
    people.set(key, {
      person: known.person,
      sessions: known.sessions + 1,
      inFlight: known.inFlight + inFlight,
      activeAt: Math.max(known.activeAt, activeAt),
    });
  }
  return [...people.values()].sort((a, b) => b.sessions - a.sessions);
}
