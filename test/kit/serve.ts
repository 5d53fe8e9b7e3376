import express from "express";
import type { Express, RequestHandler } from "express";
import { MCPServer, createSseRouter } from "../../src/index.js";
import type {
  AuthConfig,
  McpServerConfig,
  McpServerLike,
  Principal,
  SessionInfo,
  SseOptions,
  SseRouter,
} from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { recordingLogger, secret } from "./leak-watch.js";
import { listen } from "./listen.js";
import { SECRET } from "./tokens.js";
import { createToolServer, registerTools } from "./tools.js";

/** How most tests authenticate: tokens signed with a secret. */
export const JWT_AUTH = {
  type: "jwt",
  options: { secret: SECRET, algorithms: ["HS256"] },
} as const satisfies AuthConfig;

/** What a test asks for; everything has a default. */
export interface ServeOptions extends SseOptions {
  /** Default: {@link JWT_AUTH}. */
  auth?: AuthConfig | false;
}

/** What only a router in an app can be asked for. */
export interface ServeRouterOptions extends ServeOptions {
  /** Default: a server with the tools of {@link registerTools}. */
  createServer?: (session: SessionInfo<Principal>) => McpServerLike | Promise<McpServerLike>;
  /** Middleware in front of the router. */
  before?: readonly RequestHandler[];
  /** What else the app has, before the router is mounted. */
  configure?: (app: Express) => void;
  /** The same, after the router was mounted. */
  after?: (app: Express, router: SseRouter, base: string) => void;
  maxHeaderSize?: number;
  /** Whether the POSTs of sessions are answered before the app. Default: false. */
  ahead?: boolean;
}

/** A running endpoint. */
export interface Served {
  readonly origin: string;
  readonly port: number;
  /** Path of the mount; empty at the root. */
  readonly base: string;
  readonly sseUrl: string;
  /** Without a session. */
  readonly messagesUrl: string;
  readonly sessions: SseRouter["sessions"];
  /** Ends it, as `close()` or `stop()` does. */
  readonly close: (options?: { timeoutMs?: number }) => Promise<void>;
  /** What was logged. */
  readonly lines: readonly string[];
}

export type Serve<O = ServeOptions> = (options?: O) => Promise<Served>;

interface RouterMount {
  readonly name: string;
  readonly base: string;
  /** Whether the router runs inside of an app that a test may change. */
  readonly mount: (app: Express, router: SseRouter) => void;
}

/** Ways of serving one router. What holds for one holds for each. */
const ROUTER_MOUNTS: readonly RouterMount[] = [
  { name: "a router at the root", base: "", mount: (app, router) => void app.use(router) },
  {
    name: "a router below nested prefixes with a parameter and a trailing slash",
    base: "/tenants/acme/mcp",
    mount: (app, router) => {
      const outer = express.Router({ mergeParams: true });
      outer.use("/mcp", router);
      app.use("/tenants/:tenant/", outer);
    },
  },
];

/** Runs a body of tests for each way to mount a router. */
export function describeEveryRouter(body: (serve: Serve<ServeRouterOptions>) => void): void {
  for (const mount of ROUTER_MOUNTS) {
    describe(`with ${mount.name}`, () => body((options) => serveMounted(mount, options)));
  }
}

/** Runs a body of tests for each way to mount a router, ahead of its app too, and for `MCPServer`. */
export function describeEveryMount(body: (serve: Serve) => void): void {
  describeEveryRouter(body);
  describe("with a router ahead of its app", () => body(serveAhead));
  describe("with MCPServer", () => body(serveMcpServer));
  describe("with MCPServer, everything through Express", () =>
    body((options) => serveMcpServer({ ...options, ahead: false })));
}

/** A router at an app's root. */
export const serveRouter: Serve<ServeRouterOptions> = (options) =>
  serveMounted(ROUTER_MOUNTS[0]!, options);

/** The same, with the POSTs of its sessions answered before the app. */
const serveAhead: Serve = (options) => serveMounted(ROUTER_MOUNTS[1]!, { ...options, ahead: true });

async function serveMounted(
  { base, mount }: RouterMount,
  options: ServeRouterOptions = {},
): Promise<Served> {
  const { before = [], configure, after, ahead, ...others } = options;
  const { maxHeaderSize, createServer, auth, ...rest } = others;
  const logger = recordingLogger();
  const router = createSseRouter({
    logger,
    auth: (auth ?? JWT_AUTH) as AuthConfig,
    createServer: createServer ?? (() => createToolServer()),
    ...rest,
  });
  if (auth === undefined || auth !== false) secret(SECRET);
  const app = express();
  configure?.(app);
  for (const middleware of before) app.use(middleware);
  mount(app, router);
  after?.(app, router, base);
  const listener = ahead === true ? router.ahead(app) : app;
  const { url, port } = await listen(
    listener,
    maxHeaderSize === undefined ? {} : { maxHeaderSize },
  );
  onDispose(() => router.close({ timeoutMs: 0 }));
  return served(url, port, base, {
    options: rest,
    lines: logger.lines,
    sessions: () => router.sessions,
    close: (closing) => router.close(closing),
  });
}

/** An `MCPServer` that has been started, and is stopped after the test. */
export async function startMcpServer<const W = unknown, M = never>(
  config: McpServerConfig<W, M>,
): Promise<MCPServer> {
  const server = new MCPServer(config);
  onDispose(() => server.stop({ timeoutMs: 0 }));
  await server.start();
  return server;
}

export const serveMcpServer: Serve<ServeOptions & { ahead?: boolean }> = async (options = {}) => {
  const logger = recordingLogger();
  const { auth = JWT_AUTH, ...rest } = options;
  const server = await startMcpServer({
    setup: registerTools,
    transport: { type: "sse", options: { logger, ...rest, auth: auth as AuthConfig, port: 0 } },
  });
  // What it says at its start, which a router does not.
  const { lines } = logger;
  lines.splice(
    lines.findIndex((line) => line.startsWith("info: listening on ")),
    1,
  );
  const port = Number(/:(\d+)\//.exec(server.url ?? "")?.[1] ?? listeningPort(server.url));
  return served(`http://127.0.0.1:${port}`, port, "", {
    options: rest,
    lines: logger.lines,
    sessions: () => server.sessions!,
    close: (closing) => server.stop(closing),
  });
};

function listeningPort(url: string | undefined): never {
  throw new Error(`no port in ${url ?? "no URL"}: leave publicUrl out`);
}

function served(
  origin: string,
  port: number,
  base: string,
  {
    options: { endpoint = "/sse", messageEndpoint = "/messages" },
    lines,
    sessions,
    close,
  }: {
    options: SseOptions;
    lines: readonly string[];
    sessions: () => SseRouter["sessions"];
    close: Served["close"];
  },
): Served {
  return {
    origin,
    port,
    base,
    sseUrl: `${origin}${base}${endpoint}`,
    messagesUrl: `${origin}${base}${messageEndpoint}`,
    get sessions() {
      return sessions();
    },
    close,
    lines,
  };
}
