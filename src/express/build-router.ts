import type { RequestListener } from "node:http";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import express from "express";
import type { Caller } from "../auth/outcome.js";
import { baseOf, pathOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import type { Pipeline } from "../http/pipeline.js";
import { notFound } from "../http/refused-caller.js";
import * as opt from "../shared/option.js";
import { assemble } from "./assemble.js";
import type { Assembly } from "./assembly.js";
import type { Serving } from "./read-endpoint.js";
import type { MonitorOptions } from "./monitor-options.js";
import { MountPaths } from "./mount-paths.js";
import { RouterMonitors } from "./router-monitor.js";
import { createRouterSignIn } from "./router-sign-in.js";
import type { SseRouter } from "./router-interface.js";
import { createWellKnown } from "./well-known.js";

/** How long calls in flight may take to finish at a close, in milliseconds. */
export const CLOSE_TIMEOUT_MS = opt.milliseconds(10_000, 0);

/**
 * The router of `createSseRouter`, with what `MCPServer` needs beside.
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function buildRouter(
  given: unknown,
  serving: Serving,
): { readonly router: SseRouter; readonly assembly: Assembly } {
  const assembly = assemble(given, serving);
  const { options, wires, sessions, callers, pipeline, cluster } = assembly;
  const mounts = new MountPaths();
  const routes = createRoutes(assembly, mounts);
  const monitors = new RouterMonitors(assembly);
  const summary = () => ({
    endpoint: options.endpoint,
    ...(wires.hasSse && { messageEndpoint: options.messageEndpoint }),
    auth: callers.methods.map(({ name }) => name),
    sessions: sessions.size,
    ...(cluster !== undefined && { cluster: cluster.state }),
  });
  const name = wires.streamable === undefined ? "SseRouter" : "McpRouter";
  const router = Object.assign(routes, {
    // What JSON.stringify and console.log show: no internals, and nothing secret.
    toJSON: summary,
    [inspect.custom]: (_depth: number, options: InspectOptions) =>
      `${name} ${inspect(summary(), options)}`,
    guard: createGuard(assembly),
    wellKnown: createWellKnown(assembly, routes, mounts),
    sessions,
    cluster,
    signIn: createRouterSignIn(assembly.discovery.signIn, sessions, cluster),
    ahead: (app: RequestListener) => ahead(pipeline, app),
    monitor: (options: MonitorOptions) => monitors.create(options),
    ready: async () => pipeline.ready(),
    close: async ({ timeoutMs }: { timeoutMs?: number } = {}) => {
      await pipeline.close(CLOSE_TIMEOUT_MS.read("timeoutMs", timeoutMs));
      // Last, so that it can be watched how the sessions leave.
      await monitors.close();
    },
  });
  return { router, assembly };
}

/** The pipeline as a router of Express. */
function createRoutes({ pipeline, refusals }: Assembly, mounts: MountPaths): express.Router {
  // Parents' parameters are for createServer, which finds them at session.request.params.
  const router = express.Router({ mergeParams: true });
  router.use((req: HostRequest, res, next) => {
    const target = pipeline.find(pathOf(req));
    if (target === undefined) {
      next();
      return;
    }
    mounts.add(baseOf(req));
    void pipeline.answer(req, res, target);
  });
  const route = router as unknown as { handle: Handler };
  const ordinary = route.handle.bind(router);
  // Express's way from here to the middleware above, for what need not go it. A router that is a
  // server's only listener has nobody behind it.
  route.handle = (req, res, next = (error) => refusals.refuse({ req, res }, error ?? notFound())) =>
    pipeline.answerFast(req, res, ordinary, next);
  return router;
}

type Handler = (req: express.Request, res: express.Response, next?: express.NextFunction) => void;

/** See {@link SseRouter.ahead}. */
function ahead(pipeline: Pipeline, app: RequestListener): RequestListener {
  if (typeof app !== "function") throw new TypeError("ahead() takes the app: ahead(app).");
  return (req, res) => pipeline.answerFast(req, res, app, undefined);
}

/** What requests come for that are for routes of the app. */
const GUARD = { leg: "guard" } as const;

/** See {@link SseRouter.guard}. */
function createGuard({ callers, refusals }: Assembly): express.RequestHandler {
  return (req, res, next) => {
    const letIn = ({ principal, authInfo }: Caller): void => {
      // On an open endpoint there is nobody to name, and the app's own user stays.
      if (principal !== undefined) Object.assign(req, { user: principal, auth: authInfo });
      next();
    };
    const refuse = (error: unknown): void => refusals.refuse({ req, res }, error, GUARD);
    let known: Caller | undefined;
    try {
      known = callers.known(req, GUARD.leg);
    } catch (error) {
      refuse(error);
      return;
    }
    if (known === undefined) callers.identify(req, undefined, GUARD.leg).then(letIn, refuse);
    else letIn(known);
  };
}
