import type { IncomingMessage } from "node:http";
import { createPrincipal, ownerKey } from "../../../src/auth/principal.js";
import type { Principal } from "../../../src/auth/principal.js";
import { SealedBus } from "../../../src/cluster/bus.js";
import type { ClusterConfig } from "../../../src/cluster/cluster-config.js";
import { ClusterLimits } from "../../../src/cluster/cluster-limits.js";
import type { ClusterEngine } from "../../../src/cluster/engine.js";
import { memoryCluster } from "../../../src/cluster/memory.js";
import { LocalSessionRegistry } from "../../../src/session/local-session-registry.js";
import { NO_LIMITS } from "../../../src/session/limits.js";
import { Session } from "../../../src/session/session.js";
import { onDispose } from "../clean-up.js";
import { withFaults } from "./faulty-engine.js";
import { MailboxChannel } from "../mailbox-channel.js";

/** A session of a transport without connections. */
export type OwnSession = Session<Principal | undefined, unknown, MailboxChannel>;

export type LimitedNode = Awaited<ReturnType<typeof joinNode>>;

/** Nodes of one cluster with their sessions, and without HTTP in front. */
export async function limitedNodes(count: number, max = 0): Promise<readonly LimitedNode[]> {
  const config = memoryCluster({ leaseMs: 1_000 });
  return await Promise.all(Array.from({ length: count }, () => joinNode(config, max)));
}

/** The principal with an id, as an authentication method makes it. */
export const principal = (id: string, more: object = {}): Principal =>
  createPrincipal("jwt", { id, ...more });

/** What a node knows of sessions that are in no registry. */
function directory(engine: ClusterEngine) {
  const keyOf = (id: string) => `s:${id}`;
  return {
    keyOf,
    write: (id: string, home: string | undefined) =>
      engine.put(keyOf(id), JSON.stringify({ home }), 0, 60_000),
    read: async (key: string) => {
      const found = await engine.get(key);
      return (
        found && {
          version: found.version,
          record: JSON.parse(found.value) as { home: string | undefined },
        }
      );
    },
    take: (key: string, version: number) => engine.take(key, version),
  };
}

/** One more node. */
export async function joinNode(shared: ClusterConfig, max = 0) {
  const { cluster: config, faults } = withFaults(shared);
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const logger = { debug: log, info: log, warn: log, error: log };
  const engine = config.createEngine();
  const bus = new SealedBus({ engine, config, logger });
  const forgotten: string[] = [];
  const limits = { ...NO_LIMITS, maxSessionsPerPrincipal: max };
  const sessions = new LocalSessionRegistry<Principal | undefined>({
    ownerKeyOf: ownerKey,
    onListenerError: () => undefined,
    onRevoked: () => forgotten.push("some"),
    closeElsewhere: (whose) => own.closeElsewhere(whose),
    limits,
  });
  const records = directory(engine);
  const own = new ClusterLimits({
    ...{ bus, engine, records, sessions, limits, logger },
    isOpenEndpoint: false,
    recordTtlMs: 60_000,
    relayTimeoutMs: 1_000,
    forgetCallers: () => forgotten.push("all"),
  });
  const { places, revocations, view } = own;
  onDispose(async () => {
    own.stop();
    await bus.stop(100);
  });
  bus.start();
  if (!(await bus.whenUp(5_000))) throw new Error("the memory engine is away");
  const open = (owner: Principal): OwnSession => {
    const request = { headers: {}, url: "/" } as Partial<IncomingMessage> as IncomingMessage;
    const init = { principal: owner, ownerKey: ownerKey(owner), request };
    const session: OwnSession = new Session(init, (opened) => new MailboxChannel(opened));
    session.onmessage = () => undefined;
    session.channel.open();
    sessions.add(session);
    return session;
  };
  return {
    bus,
    engine,
    sessions,
    records,
    forgotten,
    lines,
    open,
    faults,
    places,
    revocations,
    view,
  };
}
