import { SealedBus } from "../cluster/bus.js";
import { CallJournal } from "../cluster/call-journal.js";
import type { ClusterConfig } from "../cluster/cluster-config.js";
import { ClusterLimits } from "../cluster/cluster-limits.js";
import { RecordStore } from "../cluster/record-store.js";
import { SealBox } from "../cluster/seal-box.js";
import type { CallerGuard } from "../http/caller-guard.js";
import type { Elsewhere } from "../http/elsewhere.js";
import type { MessageExtra } from "../http/mcp-transport.js";
import type { LeftSession } from "../http/moved-session.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { Sessions } from "../http/router-session.js";
import type { SessionKeeper } from "../http/session-keeper.js";
import type { Shutdown } from "../http/shutdown.js";
import { tellOfCluster } from "../observe/cluster-facts.js";
import type { FactHub } from "../observe/fact-hub.js";
import { SparingLog } from "../observe/sparing-log.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { Adoptions } from "../relay/adoptions.js";
import { BusRelay } from "../relay/bus-relay.js";
import { answerRelayed } from "../relay/home.js";
import type { RelayHomeInit } from "../relay/home.js";
import { KeptSessions } from "../relay/kept-sessions.js";
import { NodeKeeper } from "../relay/node-keeper.js";
import { recordTimes } from "../relay/record-times.js";
import { RelayedCallers } from "../relay/relayed-caller.js";
import { ReturnMarks } from "../relay/return-marks.js";
import { ClusterReturning } from "../relay/returning-clients.js";
import { SessionFinder } from "../relay/session-finder.js";
import type { ContinuationRules } from "../session/continuation.js";
import type { Logger } from "../shared/logger.js";

/** What of an endpoint the cluster's parts are made of. */
export interface ClusterContext {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  readonly callers: CallerGuard;
  readonly rules: ContinuationRules;
  /** Is told what happens between nodes. */
  readonly hub: FactHub;
  readonly shutdown: Shutdown;
  /** Whether everybody may call, so that sessions have no owners. */
  readonly isOpenEndpoint: boolean;
  /** Has every caller verified anew. */
  readonly forgetCallers: () => void;
}

/** What an endpoint has of a cluster. */
export interface ClusterParts {
  readonly keeper: SessionKeeper;
  readonly elsewhere: Elsewhere;
  readonly returning: ReturningClients;
  /** What holds for all nodes together. */
  readonly limits: ClusterLimits<MessageExtra>;
  /** Has what other nodes relay be answered. Called once, before anything is. */
  serve(answer: RelayHomeInit["answer"]): void;
}

/** Makes an endpoint a node of a cluster; nothing is connected before the keeper has been started. */
export function createClusterParts(config: ClusterConfig, context: ClusterContext): ClusterParts {
  const { options, sessions, callers, rules, shutdown } = context;
  const { logger, limits, resume } = options;
  const { secret, prefix, leaseMs, relayTimeoutMs, move, calls, carryToken } = config;
  const engine = config.createEngine();
  const box = new SealBox(secret, prefix);
  const bus = new SealedBus({ engine, config, logger });
  tellOfCluster(bus, context.hub);
  const times = recordTimes(limits, resume?.graceMs ?? 0, leaseMs);
  const ttlMs = times.begunMs;
  const store = new RecordStore<LeftSession>({
    ...{ engine, box },
    nameOf: (id) => bus.nameOf("session", id),
    onUnreadable: tellOfUnreadable(logger),
  });
  const journal = new CallJournal({ engine, box, bus, ttlMs, isExact: calls === "exact" });
  const marks = new ReturnMarks({ bus, engine, rules, ttlMs });
  const kept = new KeptSessions({
    ...{ bus, store, marks, rules, times, relayTimeoutMs, logger, pages: journal },
  });
  const shared = new ClusterLimits({
    ...{ bus, engine, records: store, sessions, limits, relayTimeoutMs, logger },
    ...{ isOpenEndpoint: context.isOpenEndpoint, forgetCallers: context.forgetCallers },
    recordTtlMs: ttlMs,
  });
  const adoptions = new Adoptions({
    ...{ bus, store, shutdown, move, ttlMs, kept, journal, limits: shared },
  });
  const relay = new BusRelay({ ...context, bus, relayTimeoutMs, carryToken });
  const keeper = new NodeKeeper({
    ...{ bus, store, kept, journal, adoptions, relayTimeoutMs, move, ttlMs, limits: shared, relay },
  });
  const elsewhere = new SessionFinder({
    ...{ bus, store, relay, adoptions, kept, sessions, rules, relayTimeoutMs },
  });
  const serve: ClusterParts["serve"] = (answer) =>
    answerRelayed({
      ...{ bus, logger },
      callers: new RelayedCallers(callers.methods),
      maxMessageBytes: options.maxMessageBytes,
      answer,
    });
  const look: ReturningClients["look"] = (id, asker) => elsewhere.look(id, asker);
  const returning = new ClusterReturning({ bus, box, look, marks, relayTimeoutMs });
  return { keeper, elsewhere, returning, limits: shared, serve };
}

function tellOfUnreadable(logger: Logger): () => void {
  const log = new SparingLog(logger);
  return () =>
    log.warn(
      "record",
      "a session's record in the cluster does not open: it is of another secret or version, or forged",
    );
}
