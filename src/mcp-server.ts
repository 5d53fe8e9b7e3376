import type { IncomingMessage, ServerResponse } from "node:http";
import express from "express";
import type { Principal } from "./auth/principal.js";
import { answerError } from "./answer-error.js";
import {
  checkMilliseconds,
  checkNumber,
  checkOptionNames,
  checkText,
  McpSseError,
  optionError,
} from "./errors.js";
import { DEFAULT_MAX_HEADER_BYTES, HttpListener } from "./http-listener.js";
import { checkPath, checkSize, SERVER_OPTION_NAMES } from "./resolve-options.js";
import type { SseServerOptions } from "./options.js";
import type { SessionInfo } from "./session/session.js";
import { buildRouter, DEFAULT_CLOSE_TIMEOUT_MS } from "./sse-router.js";
import type { SseRouter } from "./sse-router.js";
import { createStdioSession } from "./stdio-session.js";
import { isLoopbackAddress } from "./wire/origin.js";

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- "expect-error" would itself be an error where the SDK is installed
/**
 * The server class of SDK v1, an optional peer: where it is not installed this type is `any`,
 * and everything else still compiles.
 * @ts-ignore -- counts only on the last line of a comment */
// eslint-disable-next-line @typescript-eslint/consistent-type-imports -- the directive above needs one declaration to stand on
export type McpServer = import("@modelcontextprotocol/sdk/server/mcp.js").McpServer;

/** Registers tools, resources and prompts; `P` is the type of the session's principal. */
export type Setup<P> = (server: McpServer, session: SessionInfo<P>) => void | Promise<void>;

/** What {@link MCPServer} is made of. */
export interface McpServerConfig<P, T> {
  /** Name that clients are told. Default: `"mcp-server"`. */
  name?: string;
  /** Version that clients are told. Default: `"0.0.0"`. */
  version?: string;
  /**
   * Registers what the server offers; runs once for each session, after authentication and
   * before the client gets an answer. A throw answers that client 500 and nobody else.
   */
  setup?: Setup<P>;
  /** Default: `{ type: "stdio" }`. */
  transport?: T;
}

/** HTTP+SSE on a port of its own. */
export interface SseTransportConfig<P> {
  type: "sse";
  options?: SseServerOptions<P>;
}

/** Standard input and output of this process; its parent is the only client, so there is nobody to authenticate. */
export interface StdioTransportConfig {
  type: "stdio";
}

type AnyConfig = McpServerConfig<never, SseTransportConfig<never> | StdioTransportConfig>;

/**
 * An MCP server that owns its port, or the process's standard streams.
 *
 * Signals are the caller's business: `process.on("SIGTERM", () => server.stop())`.
 */
export class MCPServer {
  readonly #name: string;
  readonly #version: string;
  readonly #setup: Setup<never> | undefined;
  readonly #listener: SseListener | undefined;
  #stdioServer: McpServer | undefined;
  /** Settles when the server has started; `undefined` while nobody has asked for that. */
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws TypeError for a wrong option, saying what to write instead. */
  constructor(
    config: McpServerConfig<
      Principal,
      SseTransportConfig<Principal> & { options: { auth: object } }
    >,
  );
  constructor(
    config?: McpServerConfig<undefined, SseTransportConfig<undefined> | StdioTransportConfig>,
  );
  constructor(config: unknown = {}) {
    checkOptionNames("config", config, ["name", "version", "setup", "transport"]);
    const { name, version, setup, transport = { type: "stdio" } } = config as AnyConfig;
    this.#name = name === undefined ? "mcp-server" : checkText("name", name);
    this.#version = version === undefined ? "0.0.0" : checkText("version", version);
    if (setup !== undefined && typeof setup !== "function") {
      throw optionError("setup", "must be a function", "Write setup(server, session) { … }.");
    }
    this.#setup = setup;
    const options = checkTransport(transport);
    if (options !== undefined) {
      this.#listener = new SseListener(options, (session) => this.#createServer(session));
    }
  }

  /** URL of the event stream while the server is listening. */
  get url(): string | undefined {
    return this.#listener?.url;
  }

  /** Who is connected over SSE, and the way to end it; `undefined` on stdio. */
  get sessions(): SseRouter["sessions"] | undefined {
    return this.#listener?.sessions;
  }

  /**
   * Resolves once the server is listening. With OAuth the issuer is looked up before that.
   *
   * @throws Error when the port cannot be had, when the issuer is not found (with every URL that
   * was tried and what it answered), when SDK v1 is not installed, or when called twice.
   */
  async start(): Promise<void> {
    const stopping = this.#stopping;
    if (this.#starting !== undefined && stopping === undefined) {
      throw new Error("The server is started already.");
    }
    const starting = this.#start(stopping);
    this.#starting = starting;
    try {
      await starting;
    } catch (error) {
      if (this.#starting === starting) this.#starting = undefined;
      throw error;
    }
  }

  /**
   * Takes no new sessions, lets calls in flight finish, ends all streams and frees the port.
   * Safe to call twice, before `start()`, and while that is at work; calls that happen together
   * are one, and the first one's time counts.
   *
   * @param options `timeoutMs`: how long calls may take to finish. Default: 10000 (10 seconds).
   */
  async stop({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    const wait = checkMilliseconds("timeoutMs", timeoutMs, DEFAULT_CLOSE_TIMEOUT_MS, 0);
    this.#stopping ??= this.#stop(wait).finally(() => {
      this.#stopping = undefined;
    });
    await this.#stopping;
  }

  async #stop(wait: number): Promise<void> {
    const starting = this.#starting;
    // A start that is under way would open the port after this.
    await starting?.catch(() => undefined);
    await this.#listener?.close(wait);
    await this.#stdioServer?.close();
    this.#stdioServer = undefined;
    // Unless the next start waits for this already.
    if (this.#starting === starting) this.#starting = undefined;
  }

  async #start(stopping: Promise<void> | undefined): Promise<void> {
    await stopping;
    await loadSdk();
    if (this.#listener !== undefined) await this.#listener.listen();
    else await this.#startStdio();
  }

  async #createServer(session: SessionInfo<Principal | undefined>): Promise<McpServer> {
    const { McpServer } = await loadSdk();
    const server = new McpServer({ name: this.#name, version: this.#version });
    await this.#setup?.(server, session as SessionInfo<never>);
    return server;
  }

  async #startStdio(): Promise<void> {
    const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
    const session = createStdioSession(() => void this.stop());
    const server = await this.#createServer(session.info);
    await server.connect(new StdioServerTransport());
    const { onclose } = server.server;
    server.server.onclose = () => {
      session.end();
      // What setup may have set.
      onclose?.();
    };
    this.#stdioServer = server;
  }
}

async function loadSdk() {
  try {
    return await import("@modelcontextprotocol/sdk/server/mcp.js");
  } catch (cause) {
    throw new Error(
      "MCPServer needs version 1 of the SDK: npm install @modelcontextprotocol/sdk. " +
        "With SDK v2 use createSseRouter.",
      { cause },
    );
  }
}

/** Options of the SSE transport, `undefined` for stdio. */
function checkTransport(
  transport: SseTransportConfig<never> | StdioTransportConfig,
): SseServerOptions | undefined {
  checkOptionNames("transport", transport, ["type", "options"]);
  if (transport.type === "sse") return checkServerOptions(transport.options ?? {});
  if ((transport.type as unknown) !== "stdio") {
    throw optionError("transport.type", "is unknown", 'Write "sse" or "stdio".');
  }
  if ("options" in transport) {
    throw optionError(
      "transport.options",
      "does not go with stdio",
      'Its only client is the parent process, so there is nothing to authenticate: use type "sse".',
    );
  }
  return undefined;
}

function checkServerOptions(options: SseServerOptions<never>): SseServerOptions {
  const path = "transport.options";
  checkOptionNames(path, options, SERVER_OPTION_NAMES);
  const { auth, host = "127.0.0.1", port } = options as SseServerOptions;
  // Written but undefined, as with a setting that was not found, is no decision to be open.
  if ("auth" in options && auth === undefined) checkText(`${path}.auth`, auth);
  checkNumber(`${path}.port`, port, 8080, { min: 0, max: 65_535 });
  checkText(`${path}.host`, host);
  checkSize(`${path}.maxHeaderSize`, options["maxHeaderSize"], DEFAULT_MAX_HEADER_BYTES);
  checkHealth(`${path}.health`, options);
  if (auth === undefined && host !== "localhost" && !isLoopbackAddress(host)) {
    throw optionError(
      `${path}.auth`,
      `is missing, and other machines can reach ${host}`,
      "Say who may call, or write auth: false to let everybody in.",
    );
  }
  return options;
}

/** A health check on one of the endpoints' paths would answer in their place, to everybody. */
function checkHealth(
  option: string,
  { health, endpoint = "/sse", messageEndpoint = "/messages" }: SseServerOptions,
): void {
  if (health === false) return;
  const path = checkPath(option, health, "/health");
  if (path !== endpoint && path !== messageEndpoint) return;
  throw optionError(option, "is the path of an endpoint", "Give it a path of its own.");
}

/** The HTTP server of an {@link MCPServer}. */
class SseListener {
  readonly #options: SseServerOptions;
  readonly #createRouter: () => SseRouter;
  readonly #maxHeaderBytes: number;
  #router: SseRouter;
  #http: HttpListener | undefined;
  /** Whether the router was closed, and a new start needs a new one. */
  #isSpent = false;

  constructor(
    options: SseServerOptions,
    createMcpServer: (session: SessionInfo<Principal | undefined>) => Promise<McpServer>,
  ) {
    this.#options = options;
    this.#maxHeaderBytes = checkSize(
      "maxHeaderSize",
      options.maxHeaderSize,
      DEFAULT_MAX_HEADER_BYTES,
    );
    const { port, host, health, maxHeaderSize, auth = false, ...rest } = options;
    this.#createRouter = () =>
      buildRouter({ ...rest, auth, createServer: createMcpServer }, "transport.options");
    // Made now rather than at start, so that wrong options are found when the object is built.
    this.#router = this.#createRouter();
  }

  get sessions(): SseRouter["sessions"] {
    return this.#router.sessions;
  }

  get url(): string | undefined {
    const address = this.#http?.address;
    if (address === undefined) return undefined;
    const { publicUrl, endpoint = "/sse" } = this.#options;
    if (publicUrl !== undefined) return `${publicUrl.replace(/\/$/, "")}${endpoint}`;
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}${endpoint}`;
  }

  async listen(): Promise<void> {
    if (this.#isSpent) this.#router = this.#createRouter();
    this.#isSpent = false;
    await this.#router.ready().catch((error: unknown) => {
      throw notReady(error);
    });
    const { port = 8080, host = "127.0.0.1" } = this.#options;
    const app = this.#createApp();
    const http = new HttpListener({
      // What Express cannot route at all, such as a target without a path, it would answer in HTML.
      app: (req, res) => app(req, res, () => answerError(res, notFound())),
      maxHeaderBytes: this.#maxHeaderBytes,
      onHeaderTooLarge: () =>
        this.sessions.noteLimit({ limit: "maxHeaderSize", outcome: "refused" }),
    });
    await http.listen(port, host);
    this.#http = http;
  }

  async close(timeoutMs: number): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    await this.#router.close({ timeoutMs });
    this.#isSpent = true;
    await http?.close();
  }

  #createApp(): (req: IncomingMessage, res: ServerResponse, next: () => void) => void {
    const { health = "/health" } = this.#options;
    const app = express();
    app.disable("x-powered-by");
    // As a regular expression, because Express would read some characters of a path as a pattern.
    if (health !== false) app.get(literally(health), (_req, res) => void res.json({ ok: true }));
    app.use(this.#router.wellKnown, this.#router);
    return app;
  }
}

function notFound(): McpSseError {
  return new McpSseError("not_found", "There is nothing here.");
}

/** A path that matches itself, and tolerates a trailing slash, as Express does. */
function literally(path: string): RegExp {
  return new RegExp(`^${path.replace(/[^\w/]/g, "\\$&")}/?$`, "i");
}

/** A method's error is worded for clients; what an operator needs is underneath. */
function notReady(error: unknown): Error {
  const { cause = error } = error as { cause?: unknown };
  const why = cause instanceof Error ? cause.message : "an authentication method failed";
  return new Error(`The server cannot be started: ${why}`, { cause: error });
}
