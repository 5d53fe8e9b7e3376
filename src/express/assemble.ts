import type { AuthMethod } from "../auth/auth-method.js";
import { ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";
import { VerifiedCallers } from "../auth/verified-callers.js";
import { CallerGuard } from "../http/caller-guard.js";
import type { CallerGuardInit } from "../http/caller-guard.js";
import { Discovery } from "../http/discovery.js";
import type { Elsewhere } from "../http/elsewhere.js";
import { originOf } from "../http/message-extra.js";
import type { MessageExtra, ServerFactory } from "../http/mcp-transport.js";
import { Pipeline } from "../http/pipeline.js";
import { PolicyGate } from "../http/policy-gate.js";
import { Refusals } from "../http/refusals.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { RouterContext } from "../http/router-context.js";
import type { RouterSession, Sessions } from "../http/router-session.js";
import { createPolicy } from "../http/router-policy.js";
import { Shutdown } from "../http/shutdown.js";
import { SourceGuard } from "../http/source-guard.js";
import type { Transport } from "../http/transport.js";
import { auditTo } from "../observe/audit.js";
import { CallerFacts } from "../observe/caller-facts.js";
import { FactHub } from "../observe/fact-hub.js";
import { observerOf } from "../observe/method-facts.js";
import { logSessions } from "../observe/session-log.js";
import { SessionWatch } from "../observe/session-watch.js";
import { refuseUncarried } from "../options/cluster-options.js";
import { continuationRules } from "../options/continuation-options.js";
import { refusePolicyForAll } from "../options/policy-options.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { Wires } from "../options/streamable-options.js";
import type { ContinuationRules } from "../session/continuation.js";
import { EndedSessions } from "../session/ended-sessions.js";
import { LocalSessionRegistry } from "../session/local-session-registry.js";
import type { LocalSessionRegistryOptions } from "../session/registry-options.js";
import { OWN_HINTS } from "../sse/resume.js";
import { SseEndpoint } from "../sse/sse-endpoint.js";
import { ChangeBus } from "../streamable-http/change-bus.js";
import { ModernEndpoint } from "../streamable-http/modern-endpoint.js";
import { ModernHandler } from "../streamable-http/modern-handler.js";
import { CLOCK_SKEW_MS } from "../streamable-http/sealed-id.js";
import type { RestoreContext } from "../streamable-http/session-restorer.js";
import { StreamableEndpoint } from "../streamable-http/streamable-endpoint.js";
import type { Assembly } from "./assembly.js";
import type { Serving } from "./read-endpoint.js";
import { createClusterParts } from "./cluster-parts.js";
import type { ClusterParts } from "./cluster-parts.js";
import { createAuthenticator } from "./create-authenticator.js";
import { readEndpoint } from "./read-endpoint.js";

/**
 * Makes an endpoint from the options of its user: the guards and the sessions, which are the same
 * for all transports, then the transports, then the pipeline in front of them.
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function assemble(given: unknown, serving: Serving): Assembly {
  const { path } = serving;
  const { auth, createServer, name, wires, options, resources } = readEndpoint(given, serving);
  const authenticator = createAuthenticator(`${path}.auth`, auth, options, resources);
  const methods = authenticator?.methods ?? [];
  const hub = createHub(name, methods, options);
  const rules = continuationRules(options, methods, OWN_HINTS);
  if (options.cluster) refuseUncarried(path, rules.boundHeaders, rules.credentialHeaders);
  const verified = new VerifiedCallers(methods, options.revalidateAfterMs);
  const isOpenEndpoint = auth === false;
  if (isOpenEndpoint) refusePolicyForAll(path, options.policy);
  const restore = restoreContext(options, rules, isOpenEndpoint);
  const sessions = createSessions(options, {
    observer: new SessionWatch(hub, originOf),
    isOpenEndpoint,
    rules,
    exchangeLimits: wires.streamable,
    ended: restore?.ended,
    onRevoked: (isMeant) => verified.forget(isMeant),
    closeElsewhere: (whose) => cluster?.limits.closeElsewhere(whose),
  });
  const guarding = { options, authenticator, verified, sessions, hub };
  const { discovery, callers, gate } = createGuards(guarding, resources);
  const refusals = new Refusals({ logger: options.logger, methods, hub, sessions });
  const shutdown = new Shutdown();
  const cluster =
    options.cluster &&
    createClusterParts(options.cluster, {
      ...{ options, sessions, callers, rules, shutdown, isOpenEndpoint, hub },
      forgetCallers: () => verified.forget(() => true),
    });
  const { keeper, returning, elsewhere, limits }: Partial<ClusterParts> = cluster ?? {};
  const shared = {
    ...{ options, sessions, keeper, places: limits?.places },
    ...{ callers, gate, refusals, shutdown, hub },
  };
  const bus = new ChangeBus({ mayHear: wires.streamable?.mayHear, logger: options.logger });
  const endpoints = { ...shared, elsewhere, returning, createServer, restore };
  const transports = createTransports(endpoints, { wires, serving, bus });
  const sources = new SourceGuard(options, methods, transports);
  const pipeline = new Pipeline({ ...shared, elsewhere, transports, discovery, sources });
  cluster?.serve((arrival) => pipeline.answerRelayed(arrival));
  return {
    ...{ options, wires, sessions, discovery, callers, refusals, pipeline, bus, hub },
    cluster: limits?.view,
  };
}

/** Who may call, and what; and what the endpoint says of that. */
function createGuards(
  parts: Omit<CallerGuardInit, "policy" | "discovery" | "facts"> &
    Pick<RouterContext, "options" | "hub">,
  resources: readonly string[],
): Pick<RouterContext, "callers" | "gate"> & { readonly discovery: Discovery } {
  const { options, authenticator, hub } = parts;
  const policy = createPolicy(options);
  const methods = authenticator?.methods ?? [];
  const discovery = new Discovery(options, methods, resources, policy?.scopes);
  const facts = new CallerFacts(hub);
  const callers = new CallerGuard({ ...parts, policy, discovery, facts });
  const gate = policy && new PolicyGate({ policy, callers, hub });
  return { discovery, callers, gate };
}

/** Where everything that becomes known is told, with all of us who hear of it. */
function createHub(
  name: string,
  methods: readonly AuthMethod[],
  { logger, audit }: ResolvedOptions,
): FactHub {
  const hub = new FactHub(name, () => logger.error("a subscriber to facts threw"));
  logSessions(hub, logger);
  if (audit !== undefined) auditTo(audit, hub, name, logger);
  for (const method of methods) method.observe?.(observerOf(hub, method.name));
  return hub;
}

interface TransportParts {
  readonly wires: Wires;
  readonly serving: Serving;
  readonly bus: ChangeBus;
}

/** Of those that share a path and a method, the one comes first that does not take all. */
function createTransports(
  shared: RouterContext & {
    readonly elsewhere: Elsewhere | undefined;
    readonly returning: ReturningClients | undefined;
    readonly createServer: ServerFactory;
    readonly restore: RestoreContext | undefined;
  },
  { wires, serving, bus }: TransportParts,
): readonly Transport[] {
  const { hasFastPath, streamableAt } = serving;
  const { hasSse, streamable } = wires;
  const sse = hasSse ? [new SseEndpoint({ ...shared, hasFastPath })] : [];
  if (streamable === undefined || streamableAt === undefined) return sse;
  const { sseAfterMs, responses, modern: option } = streamable;
  const paths = streamableAt(shared.options);
  const createMcpHandler = typeof option === "function" ? option : undefined;
  const modern =
    option === false
      ? undefined
      : new ModernHandler({ ...shared, bus, responses, createMcpHandler });
  return [
    ...(modern === undefined ? [] : [new ModernEndpoint({ ...shared, paths, handler: modern })]),
    new StreamableEndpoint({ ...shared, hasFastPath, paths, sseAfterMs, responses, modern }),
    ...sse,
  ];
}

function restoreContext(
  { restore }: ResolvedOptions,
  rules: ContinuationRules,
  isOpenEndpoint: boolean,
): RestoreContext | undefined {
  if (restore === undefined) return undefined;
  const { secret, maxAgeMs } = restore;
  const ended = new EndedSessions<Principal | undefined>({
    maxAgeMs,
    skewMs: CLOCK_SKEW_MS,
    isOpenEndpoint,
  });
  return { secret, maxAgeMs, rules, ended };
}

function createSessions(
  { logger, limits, bytes }: ResolvedOptions,
  more: Pick<
    LocalSessionRegistryOptions<Principal | undefined, RouterSession, MessageExtra>,
    | "isOpenEndpoint"
    | "rules"
    | "exchangeLimits"
    | "ended"
    | "onRevoked"
    | "closeElsewhere"
    | "observer"
  >,
): Sessions {
  return new LocalSessionRegistry({
    ownerKeyOf: ownerKey,
    onListenerError: (_error, of) => logger.error(`a listener of ${of} threw`),
    onFault: ({ id }, fault) => logger.error(`session ${id}: ${fault}`),
    limits,
    bytes,
    ...more,
  });
}
