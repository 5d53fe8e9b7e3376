import type * as SdkServer from "@modelcontextprotocol/sdk/server/mcp.js";
import type * as SdkStdio from "@modelcontextprotocol/sdk/server/stdio.js";
import type * as SdkValidator from "@modelcontextprotocol/sdk/validation/ajv";
import type { Server } from "node:http";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import type { Principal } from "../auth/principal.js";
import { checkOptionNames, optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import packages from "../shared/packages.cjs";
import { CONFIG_DIRECTIONS, TRANSPORT_DIRECTIONS } from "../options/misplaced-options.js";
import { LazyValidator } from "./lazy-validator.js";
import { STDERR_LOGGER } from "../shared/logger.js";
import type { McpServerConfig, SdkMcpServer, Setup } from "./mcp-server-config.js";
import { readHttpStream } from "./http-stream-options.js";
import { PORT_OPTIONS, readSseServer } from "./server-options.js";
import type { PortSettings } from "./server-options.js";
import type { SessionInfo } from "../session/session-info.js";
import { Listener } from "./listener.js";
import type { ServedServer } from "./listener.js";
import { buildRouter, CLOSE_TIMEOUT_MS } from "../express/build-router.js";
import type { SseRouter } from "../express/router-interface.js";
import { createStdioSession } from "./stdio-session.js";

/** Nothing else would say why clients find no tools. */
const NO_SETUP =
  "MCPServer has no setup, so clients find no tools. Write two lines: " +
  'import AddTool from "./tools/AddTool.js" and setup: fromToolClasses(AddTool), for tool classes; ' +
  "or setup(mcp) { mcp.registerTool(name, { description, inputSchema }, handler) }.";

/** {@link McpServerConfig}. */
export const MCP_SERVER = opt.block(
  {
    name: opt.withDefault(opt.text(), "mcp-server"),
    version: opt.withDefault(opt.text(), "0.0.0"),
    setup: opt.optional(opt.callback<Setup<never>>("Write setup(server, session) { … }.")),
    transport: opt.custom("object", readTransport),
  } satisfies opt.Declares<McpServerConfig>,
  CONFIG_DIRECTIONS,
);

/** Of `start()`: the option `port` for one time. */
const START_PORT = opt.optional(PORT_OPTIONS.port);

/** What {@link MCPServer} makes. */
export interface MCPServer {
  /**
   * URL for clients while the server is listening, of `endpoint`: `publicUrl`'s, else that of its address;
   * where it listens on every interface, the one on this machine.
   */
  readonly url: string | undefined;
  /**
   * The HTTP server while it is listening, for what has no option here; `undefined` on stdio.
   * Its requests are answered by this object: add no listener that answers any.
   */
  readonly httpServer: Server | undefined;
  /** Who is connected, and the way to end it; `undefined` on stdio. */
  readonly sessions: SseRouter["sessions"] | undefined;
  /** See `SseRouter.cluster`; `undefined` without option `cluster`, and on stdio. A new start makes another node. */
  readonly cluster: SseRouter["cluster"];
  /** What can be done to the people who signed in here; `undefined` without `signIn`, and on stdio. */
  readonly signIn: SseRouter["signIn"];
  /**
   * Resolves once the server is listening. With OAuth the issuer is looked up before that.
   *
   * @param options `port`: the TCP port for this time, in place of the option `port`; 0 for a free one, as tests
   * want it. From 0 to 65535. Nothing on stdio.
   * @throws Error when the port cannot be had, when the issuer is not found (with every URL that
   * was tried and what it answered), when SDK v1 is not installed, or when called twice.
   */
  start(options?: { port?: number }): Promise<void>;
  /**
   * Takes no new sessions, lets calls in flight finish, ends all streams and frees the port.
   * Safe to call twice, before `start()`, and while that is at work; calls that happen together
   * are one, and the first one's time counts.
   *
   * @param options `timeoutMs`: how long calls may take to finish. Default: 10000 (10 seconds).
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * How an {@link MCPServer} is made. Only the configuration has type parameters, so that no server's
 * type shows what was written for `auth`.
 */
export type MCPServerClass = new <const W = unknown, M = never>(
  config?: McpServerConfig<W, M>,
) => MCPServer;

/**
 * An MCP server that owns its port, or the process's standard streams.
 *
 * Signals are the caller's business: `process.on("SIGTERM", () => server.stop())`.
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 *
 * @example
 * ```ts
 * const server = new MCPServer({
 *   name: "weather",
 *   version: "1.0.0",
 *   setup: (mcp) => {
 *     mcp.registerTool("now", { description: "The time" }, () => ({
 *       content: [{ type: "text", text: new Date().toISOString() }],
 *     }));
 *   },
 *   transport: {
 *     type: "sse",
 *     options: {
 *       port: 8080,
 *       auth: { type: "apikey", options: { keys: [process.env["API_KEY"] ?? ""] } },
 *     },
 *   },
 * });
 * await server.start();
 * ```
 */
export const MCPServer: MCPServerClass = class MCPServer {
  readonly #name: string;
  readonly #version: string;
  readonly #setup: Setup<never> | undefined;
  readonly #transport: Transport["type"];
  readonly #listener: Listener | undefined;
  #stdioServer: SdkMcpServer | undefined;
  /** Settles when the server has started; `undefined` while nobody has asked for that. */
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: unknown = {}) {
    const { name, version, setup, transport } = MCP_SERVER.read("config", config);
    const { type, port } = transport;
    this.#name = name;
    this.#version = version;
    this.#setup = setup;
    this.#transport = type;
    if (port !== undefined) {
      const createServer: ServedServer["createServer"] = (session) => this.#createServer(session);
      this.#listener = new Listener(port, { name, createServer }, buildRouter);
    }
  }

  get url(): string | undefined {
    return this.#listener?.url;
  }

  get httpServer(): Server | undefined {
    return this.#listener?.httpServer;
  }

  get sessions(): SseRouter["sessions"] | undefined {
    return this.#listener?.sessions;
  }

  get cluster(): SseRouter["cluster"] {
    return this.#listener?.cluster;
  }

  get signIn(): SseRouter["signIn"] {
    return this.#listener?.signIn;
  }

  /** What `JSON.stringify` shows. */
  toJSON(): object {
    const transport = this.#transport;
    const { url, sessions } = this;
    const connected = sessions && { sessions: sessions.size };
    return { name: this.#name, version: this.#version, transport, url, ...connected };
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `MCPServer ${inspect(this.toJSON(), options)}`;
  }

  async start({ port }: { port?: number } = {}): Promise<void> {
    const portNow = START_PORT.read("port", port);
    const stopping = this.#stopping;
    if (this.#starting !== undefined && stopping === undefined) {
      throw new Error("The server is started already.");
    }
    const starting = this.#start(stopping, portNow);
    this.#starting = starting;
    try {
      await starting;
    } catch (error) {
      if (this.#starting === starting) this.#starting = undefined;
      throw error;
    }
  }

  async stop({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    const wait = CLOSE_TIMEOUT_MS.read("timeoutMs", timeoutMs);
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

  async #start(stopping: Promise<void> | undefined, port: number | undefined): Promise<void> {
    await stopping;
    await loadSdk();
    if (this.#setup === undefined) (this.#listener?.logger ?? STDERR_LOGGER).warn(NO_SETUP);
    if (this.#listener !== undefined) await this.#listener.listen(port);
    else await this.#startStdio();
  }

  async #createServer(session: SessionInfo<Principal | undefined>): Promise<SdkMcpServer> {
    const { McpServer, createValidator } = await loadSdk();
    const server = new McpServer(
      { name: this.#name, version: this.#version },
      { jsonSchemaValidator: new LazyValidator(createValidator) },
    );
    await this.#setup?.(server, session as SessionInfo<never>);
    return server;
  }

  async #startStdio(): Promise<void> {
    const { StdioServerTransport } = (await packages.sdk.stdio()) as typeof SdkStdio;
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
};

/** The parts of SDK v1 that every session needs, loaded once. */
let sdk: ReturnType<typeof loadParts> | undefined;

async function loadSdk(): ReturnType<typeof loadParts> {
  sdk ??= loadParts();
  try {
    return await sdk;
  } catch (error) {
    // It may be there the next time.
    sdk = undefined;
    throw error;
  }
}

async function loadParts() {
  const [{ McpServer }, { AjvJsonSchemaValidator }] = (await Promise.all([
    packages.sdk.server(),
    packages.sdk.validator(),
  ])) as [typeof SdkServer, typeof SdkValidator];
  return { McpServer, createValidator: () => new AjvJsonSchemaValidator() };
}

/** What is written for `transport`. */
interface Transport {
  readonly type: "sse" | "http-stream" | "stdio";
  /** `undefined` on stdio. */
  readonly port: PortSettings | undefined;
}

function readTransport(_name: string, transport: unknown = { type: "stdio" }): Transport {
  checkOptionNames("transport", transport, ["type", "options"], TRANSPORT_DIRECTIONS);
  const { type, options } = transport as { readonly type?: unknown; readonly options?: object };
  if (type === "sse") return { type, port: readSseServer(options ?? {}) };
  if (type === "http-stream") return { type, port: readHttpStream(options ?? {}) };
  if (type !== "stdio") {
    throw optionError("transport.type", "is unknown", 'Write "http-stream", "sse" or "stdio".');
  }
  if ("options" in transport) {
    throw optionError(
      "transport.options",
      "does not go with stdio",
      'Its only client is the parent process, so there is nothing to authenticate: use type "http-stream" or "sse".',
    );
  }
  return { type, port: undefined };
}
