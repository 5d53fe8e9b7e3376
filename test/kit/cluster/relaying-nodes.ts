import express from "express";
import type { Express } from "express";
import { SealedBus } from "../../../src/cluster/bus.js";
import { memoryCluster } from "../../../src/cluster/memory.js";
import type { ClusterConfig } from "../../../src/cluster/cluster-config.js";
import { assemble } from "../../../src/express/assemble.js";
import type { ServerFactory } from "../../../src/http/mcp-transport.js";
import type { Elsewhere } from "../../../src/http/elsewhere.js";
import { pathOf } from "../../../src/http/mount.js";
import { Pipeline } from "../../../src/http/pipeline.js";
import { SourceGuard } from "../../../src/http/source-guard.js";
import { Shutdown } from "../../../src/http/shutdown.js";
import { continuationRules } from "../../../src/options/continuation-options.js";
import { BusRelay } from "../../../src/relay/bus-relay.js";
import { answerRelayed } from "../../../src/relay/home.js";
import { RelayedCallers } from "../../../src/relay/relayed-caller.js";
import type { Relayed } from "../../../src/relay/request-relay.js";
import { McpSseError, retryAfter } from "../../../src/shared/errors.js";
import { OWN_HINTS } from "../../../src/sse/resume.js";
import { SseEndpoint } from "../../../src/sse/sse-endpoint.js";
import { StreamableEndpoint } from "../../../src/streamable-http/streamable-endpoint.js";
import { onDispose } from "../clean-up.js";
import { recordingLogger, secret } from "../leak-watch.js";
import { listen } from "../listen.js";
import { JWT_AUTH } from "../serve.js";
import type { ServeMcpOptions } from "../streamable.js";
import { SECRET } from "../tokens.js";
import { createToolServer } from "../tools.js";
import { withFaults } from "./faulty-engine.js";

/** What is served by each node, and how it is mounted. */
export type RelayingOptions = Omit<ServeMcpOptions, "framework"> & {
  /** Default: nothing is sealed, so that a test can read what is sent. */
  readonly cluster?: ClusterConfig;
  /** Nodes of the same cluster that are served otherwise. Default: none. */
  readonly others?: readonly RelayingNode[];
};

export type RelayingNode = Awaited<ReturnType<typeof serveNode>>;

/** The same URL at another node. */
export function at(node: { readonly url: string }, url: string): string {
  const { pathname, search } = new URL(url);
  return `${node.url}${pathname}${search}`;
}

/** Nodes that find each other's sessions by looking into each other, and relay requests over a bus. */
export async function serveRelayingNodes(options: RelayingOptions = {}, count = 2) {
  const { cluster = memoryCluster({ relayTimeoutMs: 2_000 }), others = [], ...rest } = options;
  const nodes: RelayingNode[] = [];
  const all = (): readonly RelayingNode[] => [...nodes, ...others];
  for (let n = 0; n < count; n++) nodes.push(await serveNode(cluster, rest, all));
  return nodes as [home: RelayingNode, edge: RelayingNode, ...RelayingNode[]];
}

async function serveNode(
  cluster: ClusterConfig,
  { auth, createServer = () => createToolServer(), configure, ahead, ...rest }: RelayingOptions,
  nodes: () => readonly RelayingNode[],
) {
  const { cluster: config, faults } = withFaults(cluster);
  const logger = recordingLogger();
  secret(SECRET);
  const given = { auth: auth ?? JWT_AUTH, logger, createServer, ...rest };
  const streamableAt = () => ["", "/sse"];
  const assembly = assemble(given, { path: "options", hasFastPath: false, streamableAt });
  const { options, sessions, callers, refusals, wires } = assembly;
  // Of this process, like the engine that can fail.
  const engine = Object.assign(config.createEngine(), { isLocal: true });
  const bus = new SealedBus({ engine, config, logger: options.logger });
  const { relayTimeoutMs, carryToken } = config;
  const rules = continuationRules(options, callers.methods, OWN_HINTS);
  const relay = new BusRelay({
    options,
    sessions,
    callers,
    hub: assembly.hub,
    bus,
    rules,
    relayTimeoutMs,
    carryToken,
  });
  const outcomes: Relayed[] = [];
  const elsewhere: Elsewhere = {
    goOn: async (id, request, route) => {
      const home = nodes().find((node) => node.sessions.get(id) !== undefined);
      if (home === undefined || home.bus === bus) return { kind: "none" };
      const target = { node: home.bus.node, session: id, isToAdopt: false };
      const relayed = await relay.relay(request, route, target);
      outcomes.push(relayed);
      if (relayed.kind === "answered") return relayed;
      if (relayed.kind === "not-here") return { kind: "none" };
      throw new McpSseError("temporarily_unavailable", "Nobody answers.", {
        headers: retryAfter(1),
      });
    },
    goOnRelayed: () => Promise.resolve({ kind: "none" }),
    whenLeft: () => Promise.resolve(),
  };
  const parts = {
    ...assembly,
    elsewhere,
    keeper: undefined,
    returning: undefined,
    places: undefined,
    gate: undefined,
    createServer: createServer as ServerFactory,
  };
  const endpoints = {
    ...parts,
    restore: undefined,
    hasFastPath: ahead ?? false,
    shutdown: new Shutdown(),
  };
  const { sseAfterMs, responses } = wires.streamable!;
  const transports = [
    new StreamableEndpoint({
      ...endpoints,
      paths: ["", "/sse"],
      sseAfterMs,
      responses,
      modern: undefined,
    }),
    new SseEndpoint(endpoints),
  ];
  const sources = new SourceGuard(options, callers.methods, transports);
  const pipeline = new Pipeline({ ...endpoints, sources, transports });
  answerRelayed({
    bus,
    callers: new RelayedCallers(callers.methods),
    logger: options.logger,
    maxMessageBytes: options.maxMessageBytes,
    answer: (arrival) => pipeline.answerRelayed(arrival),
  });
  bus.start();
  await bus.whenUp(60_000);
  const app: Express = express();
  configure?.(app);
  app.use("/mcp", (req, res, next) => {
    const answer = (): void => {
      const target = pipeline.find(pathOf(req));
      if (target === undefined) next();
      else void pipeline.answer(req, res, target);
    };
    if (ahead === true) pipeline.answerFast(req, res, answer, undefined);
    else answer();
  });
  const { url, port } = await listen(app);
  onDispose(() => bus.stop(0));
  onDispose(() => pipeline.close(0));
  const mcpUrl = `${url}/mcp`;
  const { lines } = logger;
  return {
    url,
    port,
    mcpUrl,
    sseUrl: `${mcpUrl}/sse`,
    sessions,
    bus,
    faults,
    lines,
    relay,
    outcomes,
    refusals,
  };
}
