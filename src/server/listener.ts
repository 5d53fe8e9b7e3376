import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import express from "express";
import type { AuthMethod } from "../auth/auth-method.js";
import type { Principal } from "../auth/principal.js";
import { sendError } from "../http/respond-error.js";
import type { Pipeline } from "../http/pipeline.js";
import { notFound } from "../http/refused-caller.js";
import { optionError } from "../shared/check.js";
import { checkMonitorPath } from "./monitor-place.js";
import { HttpListener } from "./http-server.js";
import { STDERR_LOGGER, toLogger } from "../shared/logger.js";
import type { Logger } from "../shared/logger.js";
import type { McpServerLike } from "../http/mcp-transport.js";
import type { Sessions } from "../http/router-session.js";
import { PATH } from "./server-options.js";
import type { ListenerOptions, PortSettings } from "./server-options.js";
import { pathOf } from "../http/mount.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { SessionInfo } from "../session/session-info.js";
import type { SseRouter } from "../express/router-interface.js";

/** What the listener serves: a router, and the parts of its endpoint. */
export interface BuiltRouter {
  readonly router: SseRouter;
  readonly assembly: {
    readonly pipeline: Pipeline;
    readonly sessions: Pick<Sessions, "noteLimit">;
    readonly options: Pick<ResolvedOptions, "endpoint" | "publicUrl">;
    readonly callers: { readonly methods: readonly AuthMethod[] };
  };
}

/** Makes a router of its options, and is made to say how errors are to call them. */
export type BuildRouter = (
  options: object,
  serving: {
    readonly path: string;
    readonly hasFastPath: boolean;
    readonly streamableAt: PortSettings["streamableAt"];
  },
) => BuiltRouter;

/** What is served. */
export interface ServedServer {
  readonly name: string;
  readonly createServer: (session: SessionInfo<Principal | undefined>) => Promise<McpServerLike>;
}

/** The HTTP server of an {@link MCPServer}. */
export class Listener {
  readonly #own: ListenerOptions;
  readonly logger: Logger;
  readonly #build: () => BuiltRouter;
  #built: BuiltRouter;
  #http: HttpListener | undefined;
  /** Of the router that there is now, from when it is served. */
  #monitor: express.Router | undefined;
  /** Whether the router was closed, and a new start needs a new one. */
  #isSpent = false;

  /** @throws TypeError for a wrong option, saying what to write instead. */
  constructor(
    { own, router, streamableAt }: PortSettings,
    { name, createServer }: ServedServer,
    buildRouter: BuildRouter,
  ) {
    this.#own = own;
    const { logger: given = STDERR_LOGGER } = router;
    const logger = toLogger("transport.options.logger", given);
    this.logger = logger;
    const serving = { path: PATH, hasFastPath: own.ahead, streamableAt };
    this.#build = () => buildRouter({ ...router, name, logger, createServer }, serving);
    // Made now rather than at start, so that wrong options are found when the object is built.
    this.#built = this.#build();
    const { pipeline } = this.#built.assembly;
    const { health, monitor } = own;
    checkHealth(health, pipeline);
    if (monitor === undefined) return;
    const others = [...pipeline.paths, ...(health === undefined ? [] : [health])];
    checkMonitorPath(`${PATH}.monitor.path`, monitor.path, others);
  }

  get sessions(): SseRouter["sessions"] {
    return this.#built.router.sessions;
  }

  get cluster(): SseRouter["cluster"] {
    return this.#built.router.cluster;
  }

  get signIn(): SseRouter["signIn"] {
    return this.#built.router.signIn;
  }

  get url(): string | undefined {
    const address = this.#http?.address;
    if (address === undefined) return undefined;
    const { endpoint, publicUrl } = this.#built.assembly.options;
    if (publicUrl !== undefined) return `${publicUrl.href.replace(/\/$/, "")}${endpoint}`;
    return `http://${reachableHost(address.address)}:${address.port}${endpoint}`;
  }

  get httpServer(): Server | undefined {
    return this.#http?.server;
  }

  /** @param givenPort the port for this time; without, that of the options. */
  async listen(givenPort?: number): Promise<void> {
    if (this.#isSpent) {
      this.#built = this.#build();
      this.#monitor = undefined;
    }
    this.#isSpent = false;
    await this.#built.router.ready().catch((error: unknown) => {
      throw notReady(error);
    });
    const app = this.#createApp();
    const { port, host, ahead, maxHeaderBytes, times } = this.#own;
    // What Express cannot route at all, such as a target without a path, it would answer in HTML.
    const listener: RequestListener = (req, res) => app(req, res, () => sendError(res, notFound()));
    const http = new HttpListener({
      app: ahead ? this.#withoutExpress(listener) : listener,
      maxHeaderBytes,
      times,
      onHeaderTooLarge: () =>
        this.#built.assembly.sessions.noteLimit({ limit: "maxHeaderSize", outcome: "refused" }),
    });
    await http.listen(givenPort ?? port, host);
    this.#http = http;
    this.logger.info(`listening on ${this.url ?? "a port"} (auth: ${this.#methodNames()})`);
  }

  #methodNames(): string {
    const names = this.#built.assembly.callers.methods.map(({ name }) => name);
    return names.length === 0 ? "none, everybody is let in" : names.join(", ");
  }

  async close(timeoutMs: number): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    await this.#built.router.close({ timeoutMs });
    this.#isSpent = true;
    await http?.close();
  }

  /**
   * Serves the paths of transports without Express, which has nothing to add to them on a port of
   * our own; all the rest is Express's to route.
   */
  #withoutExpress(app: RequestListener): RequestListener {
    const { pipeline } = this.#built.assembly;
    const serve = (req: IncomingMessage, res: ServerResponse): void => {
      const target = pipeline.find(pathOf(req));
      if (target?.kind === "transport") void pipeline.answer(req, res, target);
      else app(req, res);
    };
    return (req, res) => pipeline.answerFast(req, res, serve, undefined);
  }

  #createApp(): (req: IncomingMessage, res: ServerResponse, next: () => void) => void {
    const { health, monitor } = this.#own;
    const app = express();
    app.disable("x-powered-by");
    if (health !== undefined) {
      app.get(literally(health), (_req, res) => void res.json({ ok: true }));
    }
    const { router } = this.#built;
    if (monitor !== undefined) {
      const { path, ...page } = monitor;
      this.#monitor ??= router.monitor(page);
      app.use(new RegExp(`^${escaped(path)}(?=/|$)`, "i"), this.#monitor);
    }
    app.use(router.wellKnown, router);
    return app;
  }
}

/** A health check on the path of a transport would answer in its place, to everybody. */
function checkHealth(health: string | undefined, pipeline: Pipeline): void {
  if (health === undefined || pipeline.find(health)?.kind !== "transport") return;
  throw optionError(
    "transport.options.health",
    "is the path of an endpoint",
    "Give it a path of its own.",
  );
}

/** The address of every interface is none that a client can go to; this machine's own leads there. */
function reachableHost(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return address.includes(":") ? `[${address}]` : address;
}

/** A path that matches itself, and tolerates a trailing slash, as Express does. */
function literally(path: string): RegExp {
  return new RegExp(`^${escaped(path)}/?$`, "i");
}

/** A path as part of a regular expression: Express would read some of its characters as a pattern. */
function escaped(path: string): string {
  return path.replace(/[^\w/]/g, "\\$&");
}

/** A method's error is worded for clients; what an operator needs is underneath. */
function notReady(error: unknown): Error {
  const { cause = error } = error as { cause?: unknown };
  const why = cause instanceof Error ? cause.message : "an authentication method failed";
  return new Error(`The server cannot be started: ${why}`, { cause: error });
}
