import type { RequestListener } from "node:http";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import express from "express";
import { toAuthMethods } from "../../strategies/index.js";
import type { AuthConfig } from "../../strategies/index.js";
import type { AuthMethod } from "../auth/auth-method.js";
import { Authenticator } from "../auth/authenticate.js";
import { ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";
import { continuationRules } from "../options/continuation-options.js";
import { McpSseError } from "../shared/errors.js";
import { checkMilliseconds, checkOptionNames, optionError } from "../shared/check.js";
import { configuredMount, mountUrl, resourceUrl } from "../http/metadata-routes.js";
import type { ServerFactory, Sessions } from "../http/router-session.js";
import { addressOf, baseOf, mountOf, pathOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import { resolveOptions, ROUTER_OPTION_NAMES } from "../options/resolve.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { SseRouterOptions } from "./router-options.js";
import type { ContinuationRules } from "../session/continuation.js";
import { createRouterSignIn } from "./router-sign-in.js";
import type { RouterSignIn } from "./router-sign-in.js";
import { logSessions } from "../observe/session-log.js";
import { SessionRegistry } from "../session/registry.js";
import { SseEndpoints } from "../sse/sse-endpoint.js";
import { MountPaths } from "./mount-paths.js";
import { createWellKnown } from "./well-known.js";

/** An authenticated MCP endpoint, to be mounted anywhere in an Express app. */
export interface SseRouter extends express.Router {
  /**
   * The same authentication for any other route. Sets `req.user` to the {@link Principal} and
   * `req.auth` to the SDKs' `AuthInfo`, or answers 401, 403 or 503 itself.
   */
  readonly guard: express.RequestHandler;
  /** Discovery documents, to be mounted at the app's root. Empty unless OAuth is on. */
  readonly wellKnown: express.Router;
  /** Who is connected, and the way to end it. */
  readonly sessions: SessionRegistry<Principal | undefined>;
  /** What can be done to the people who signed in here; `undefined` without `signIn`. */
  readonly signIn: RouterSignIn | undefined;
  /**
   * Resolves when every authentication method is ready: with OAuth, when the issuer was found.
   * Nobody has to wait for it; callers get 503 until then.
   *
   * @throws McpSseError when a method cannot be made ready now; its `cause` says why.
   */
  ready(): Promise<void>;
  /**
   * A listener that answers the POSTs of this router's sessions before the app sets them up, and
   * hands everything else to `app`: `http.createServer(router.ahead(app))`. Most of what a call
   * costs in an Express app is Express. The answers are the same, but no middleware of the app
   * sees these POSTs: its loggers, rate limits and headers do not apply to them.
   */
  ahead(app: RequestListener): RequestListener;
  /**
   * Takes no new sessions, lets calls in flight finish, and ends all streams. The app and its
   * HTTP server stay as they are.
   *
   * @param options `timeoutMs`: how long calls may take to finish. Default: 10000 (10 seconds).
   */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/** How long calls in flight may take to finish at a close, in milliseconds. */
export const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

/**
 * An MCP endpoint for an existing Express app: `app.use("/mcp", createSseRouter({ … }))`.
 * Opens no port and installs no global middleware.
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export function createSseRouter(options: SseRouterOptions<undefined>): SseRouter;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- one signature with a union would make every principal "or undefined"
export function createSseRouter(options: SseRouterOptions): SseRouter;
export function createSseRouter(
  options: SseRouterOptions<undefined> | SseRouterOptions,
): SseRouter {
  return buildRouter(options, "options").router;
}

/**
 * @internal {@link createSseRouter}.
 *
 * @param path what comes before an option's name in errors.
 * @param knowsPosts whether the POSTs of known sessions are answered without routing.
 */
export function buildRouter(
  options: unknown,
  path: string,
  knowsPosts = true,
): { readonly router: SseRouter; readonly endpoints: SseEndpoints } {
  checkOptionNames(path, options, ROUTER_OPTION_NAMES);
  const { createServer, auth } = options;
  if (typeof createServer !== "function") {
    throw optionError(
      `${path}.createServer`,
      "must be a function",
      "Write createServer: (session) => new McpServer({ … }).",
    );
  }
  const resolved = resolveOptions(options, path);
  const authenticator = createAuthenticator(`${path}.auth`, auth as AuthConfig | false, resolved);
  const rules = continuationRules(resolved, authenticator?.methods ?? []);
  const sessions = createSessions(resolved, auth === false, rules);
  const endpoints = new SseEndpoints({
    options: resolved,
    authenticator,
    sessions,
    createServer: createServer as ServerFactory,
    knowsPosts,
  });
  const mounts = new MountPaths();
  const routes = createRoutes(endpoints, mounts);
  const summary = () => ({
    endpoint: resolved.endpoint,
    messageEndpoint: resolved.messageEndpoint,
    auth: endpoints.callers.methods.map(({ name }) => name),
    sessions: sessions.size,
  });
  const router = Object.assign(routes, {
    // What JSON.stringify and console.log show: no internals, and nothing secret.
    toJSON: summary,
    [inspect.custom]: (_depth: number, options: InspectOptions) =>
      `SseRouter ${inspect(summary(), options)}`,
    guard: createGuard(endpoints),
    wellKnown: createWellKnown(endpoints, routes, mounts, resolved),
    sessions: sessions as SessionRegistry<Principal | undefined>,
    signIn: createRouterSignIn(endpoints.callers.methods.find(hasEndpoints)?.endpoints, sessions),
    ahead: (app: RequestListener) => createLane(endpoints, app),
    ready: async () => endpoints.ready(),
    close: async ({ timeoutMs }: { timeoutMs?: number } = {}) =>
      endpoints.close(checkMilliseconds("timeoutMs", timeoutMs, DEFAULT_CLOSE_TIMEOUT_MS, 0)),
  });
  return { router, endpoints };
}

/**
 * Security decision: only the word `false` opens an endpoint. A missing or empty `auth` is a
 * mistake, for example a configuration file that was not found.
 */
function createAuthenticator(
  option: string,
  auth: AuthConfig | false | undefined,
  options: ResolvedOptions,
): Authenticator | undefined {
  if (auth === false) return undefined;
  if (auth === undefined) {
    throw optionError(
      option,
      "is missing",
      'Say who may call, for example { type: "jwt", options: { … } }, or write false to let everybody in.',
    );
  }
  const mount = configuredMount(options);
  const resource = mount === undefined ? undefined : resourceUrl(mount, options);
  const methods = toAuthMethods(auth, option, { resource, mountUrl: mount && mountUrl(mount) });
  checkEndpoints(methods, option);
  for (const warning of methods.flatMap((method) => method.warnings ?? []))
    options.logger.warn(warning);
  for (const method of methods) method.reportTo?.((message) => options.logger.warn(message));
  return new Authenticator(methods);
}

function hasEndpoints({ endpoints }: AuthMethod): boolean {
  return endpoints !== undefined;
}

/** Two authorization servers at one URL would answer in each other's place. */
function checkEndpoints(methods: readonly AuthMethod[], option: string): void {
  if (methods.filter(hasEndpoints).length < 2) return;
  throw optionError(
    option,
    "has signIn more than once",
    "Use one router for each, with a publicUrl of its own.",
  );
}

function createSessions(
  { logger, limits, bytes }: ResolvedOptions,
  isOpenEndpoint: boolean,
  rules: ContinuationRules,
): Sessions {
  const sessions: Sessions = new SessionRegistry({
    ownerKeyOf: ownerKey,
    onListenerError: (_error, of) => logger.error(`a listener of ${of} threw`),
    rules,
    onFault: ({ id }, fault) => logger.error(`session ${id}: ${fault}`),
    limits,
    bytes,
    isOpenEndpoint,
  });
  logSessions(sessions, logger);
  return sessions;
}

function createRoutes(endpoints: SseEndpoints, mounts: MountPaths): express.Router {
  // Parents' parameters are for createServer, which finds them at session.request.params.
  const router = express.Router({ mergeParams: true });
  router.use((req: HostRequest, res, next) => {
    if (endpoints.routeOf(pathOf(req)) === undefined) {
      next();
      return;
    }
    mounts.add(baseOf(req));
    void endpoints.handle(req, res, mountOf(req));
  });
  const route = router as unknown as { handle: Handler };
  const ordinary = route.handle.bind(router);
  // Express's way from here to the middleware above, for what need not go it. A router that is a
  // server's only listener has nobody behind it.
  route.handle = (req, res, next = lastOf(endpoints, req, res)) =>
    endpoints.handleHot(req, res, ordinary, next);
  return router;
}

type Handler = (req: express.Request, res: express.Response, next?: express.NextFunction) => void;

function lastOf(
  { callers }: SseEndpoints,
  req: express.Request,
  res: express.Response,
): express.NextFunction {
  return (error?: unknown) =>
    callers.refuse(req, res, error ?? new McpSseError("not_found", "There is nothing here."));
}

function createLane(endpoints: SseEndpoints, app: RequestListener): RequestListener {
  if (typeof app !== "function") throw new TypeError("ahead() takes the app: ahead(app).");
  return (req, res) => endpoints.handleHot(req, res, app, undefined);
}

function createGuard(endpoints: SseEndpoints): express.RequestHandler {
  return (req, res, next) => {
    endpoints.callers.identify(req, addressOf(req)).then(
      ({ principal, authInfo }) => {
        // On an open endpoint there is nobody to name, and the app's own user stays.
        if (principal !== undefined) Object.assign(req, { user: principal, auth: authInfo });
        next();
      },
      (error: unknown) => endpoints.callers.refuse(req, res, error),
    );
  };
}
