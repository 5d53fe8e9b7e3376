import express from "express";
import type { Express, RequestHandler } from "express";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { createSseRouter, MCPServer, principalOf } from "../../src/index.js";
import type {
  AuthConfig,
  McpServerLike,
  Principal,
  SessionInfo,
  SseOptions,
  SseRouter,
} from "../../src/index.js";
import { disposeAll, listen, onDispose } from "./disposer.js";
import { recordingLogger, secret, takeLeaks } from "./leak-watch.js";
import { initialize, initialized, openSession, post, toolCall } from "./raw-sse.js";
import type { RawStream } from "./raw-sse.js";
import { SECRET, secretToken } from "./tokens.js";

export const SESSION_ID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

/** How most tests authenticate: tokens signed with a secret. */
export const JWT_AUTH = {
  type: "jwt",
  options: { secret: SECRET, algorithms: ["HS256"] },
} as const satisfies AuthConfig;

/** Headers with a good token, for alice unless told otherwise. */
export function asCaller(claims: Parameters<typeof secretToken>[0] = {}): {
  authorization: string;
} {
  return { authorization: `Bearer ${secretToken(claims)}` };
}

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

export const serveMcpServer: Serve<ServeOptions & { ahead?: boolean }> = async (options = {}) => {
  const logger = recordingLogger();
  const { auth = JWT_AUTH, ...rest } = options;
  const server = new MCPServer({
    setup: registerTools,
    transport: { type: "sse", options: { logger, ...rest, auth: auth as AuthConfig, port: 0 } },
  });
  await server.start();
  onDispose(() => server.stop({ timeoutMs: 0 }));
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

/** A server with tools that show what reaches a tool. */
export function createToolServer(): McpServer {
  const server = new McpServer({ name: "tools", version: "1.0.0" });
  registerTools(server);
  return server;
}

/** `echo`, `whoami`, and `request`, which tells what a tool sees of the POST. */
export function registerTools(server: McpServer): void {
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, (args) => text(args.text));
  server.registerTool("whoami", {}, (extra) => text(JSON.stringify(principalOf(extra) ?? null)));
  server.registerTool("request", {}, ({ requestInfo, authInfo }) => {
    const headers = { ...requestInfo?.headers };
    // A bearer token is the tool's to see; here it must not be taken for a leak.
    if (headers["authorization"] !== undefined) headers["authorization"] = "present";
    return text(JSON.stringify({ headers, url: requestInfo?.url, authInfo }));
  });
}

/** A tool that answers when it is let go. */
export class HeldTool {
  readonly started: Promise<void>;
  #noteStart: () => void = () => undefined;
  readonly #released: Promise<void>;
  release: () => void = () => undefined;

  constructor() {
    this.started = new Promise((resolve) => (this.#noteStart = resolve));
    this.#released = new Promise((resolve) => (this.release = resolve));
  }

  readonly register = (server: McpServer): void => {
    server.registerTool("held", {}, async () => {
      this.#noteStart();
      await this.#released;
      return { content: [{ type: "text", text: "released" }] };
    });
  };

  createServer(): McpServer {
    const server = new McpServer({ name: "held", version: "1.0.0" });
    this.register(server);
    return server;
  }
}

/** A session that has been initialized, as a client has it. */
export class Conversation {
  #id = 1;

  constructor(
    readonly stream: RawStream,
    readonly postUrl: string,
    readonly endpoint: string,
    readonly headers: Record<string, string>,
  ) {}

  get sessionId(): string {
    return new URL(this.postUrl).searchParams.get("sessionId") ?? "";
  }

  /** Calls a tool and returns the text of its answer. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const id = ++this.#id;
    const { status, text } = await post(this.postUrl, toolCall(id, name, args), this.headers);
    if (status !== 202) throw new Error(`POST answered ${status}: ${text}`);
    const message = await this.stream.nextMessage();
    if (message["id"] !== id) throw new Error(`expected answer ${id}: ${JSON.stringify(message)}`);
    return (message["result"] as { content: [{ text: string }] }).content[0].text;
  }
}

/**
 * Opens a session and does what every client does first.
 *
 * @param later headers that the client adds once it is initialised.
 */
export async function converse(
  sseUrl: string,
  headers: Record<string, string> = asCaller(),
  later: Record<string, string> = {},
): Promise<Conversation> {
  const { stream, postUrl, endpoint } = await openSession(sseUrl, headers);
  const accepted = await post(postUrl, initialize, headers);
  if (accepted.status !== 202) throw new Error(`initialize: ${accepted.status} ${accepted.text}`);
  await stream.nextMessage();
  await post(postUrl, initialized, { ...headers, ...later });
  return new Conversation(stream, postUrl, endpoint, { ...headers, ...later });
}

/**
 * Ends everything after each test, and fails the test if a credential that it sent has been seen
 * in an answer, an event or a log line. (An unhandled rejection fails a test by itself in Jest 30.)
 */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    await disposeAll();
    expect(takeLeaks()).toEqual([]);
  });
}
