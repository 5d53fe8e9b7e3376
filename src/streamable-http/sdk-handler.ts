import type { McpServerLike } from "../http/mcp-transport.js";
import type {
  CreateMcpHandler,
  McpHandler,
  StreamableSettings,
} from "../options/streamable-options.js";
import type { Logger } from "../shared/logger.js";
import { isOfV2 } from "../http/sdk-major.js";
import packages from "../shared/packages.cjs";
import type { ServerEventBus } from "./change-bus.js";

/** What the SDK's handler is made with. */
export interface SdkHandlerInit {
  /** The author's own; `undefined` for that of the package, where that is installed. */
  readonly create: CreateMcpHandler | undefined;
  readonly bus: ServerEventBus;
  readonly responses: StreamableSettings["responses"];
  readonly logger: Logger;
  /** Makes the server of one request. */
  readonly serve: (request: Request | undefined) => Promise<McpServerLike>;
}

/** As much of `@modelcontextprotocol/server` as is used. */
interface SdkModule {
  readonly createMcpHandler: CreateMcpHandler;
  readonly McpServer: abstract new (...args: never) => object;
  readonly Server: abstract new (...args: never) => object;
}

/** `createMcpHandler` as it is called: users see a type that theirs is assignable to. */
type Create = (
  factory: (context: { readonly requestInfo?: Request }) => Promise<McpServerLike>,
  options: {
    readonly legacy: "reject";
    readonly bus: ServerEventBus;
    readonly responseMode: StreamableSettings["responses"];
    readonly maxSubscriptions: number;
    readonly keepAliveMs: number;
    readonly onerror: (error: Error) => void;
  },
) => McpHandler;

/**
 * The SDK's handler of 2026-07-28. It is loaded when the first request comes, and answers those alone:
 * who calls, from where, how much and how long is decided before.
 */
export class LoadedSdk {
  readonly #init: SdkHandlerInit;
  #loading: Promise<McpHandler | undefined> | undefined;
  #module: SdkModule | undefined;
  #hasWarned = false;

  constructor(init: SdkHandlerInit) {
    this.#init = init;
  }

  /** `undefined` where SDK v2 is not installed: then no server can be one of its. */
  handler(): Promise<McpHandler | undefined> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      // What is mended meanwhile is found by the next request.
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /**
   * Whether the handler can serve with a server that `createServer` returned.
   *
   * The handler looks with `instanceof`, which knows no server of another copy of the package: as an ES
   * module and as CommonJS, or in two versions. With the author's own nobody but they can know.
   */
  canServe(server: McpServerLike): boolean {
    const isV2 = isOfV2(server);
    if (this.#module === undefined || !isV2) return isV2;
    const { McpServer, Server } = this.#module;
    if (server instanceof McpServer || server instanceof Server) return true;
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      this.#init.logger.error(
        "2026-07-28 is not served: createServer has its servers from another copy of " +
          "@modelcontextprotocol/server than this package finds. Give createMcpHandler of that copy as streamable.modern.",
      );
    }
    return false;
  }

  async #load(): Promise<McpHandler | undefined> {
    const { create } = this.#init;
    if (create !== undefined) return this.#create(create);
    this.#module = (await packages.sdk.v2()) as SdkModule | undefined;
    // What is too old for it has no such revision.
    const { createMcpHandler } = (this.#module ?? {}) as Partial<SdkModule>;
    return createMcpHandler && this.#create(createMcpHandler);
  }

  #create(create: CreateMcpHandler): McpHandler {
    const { bus, responses: responseMode, serve } = this.#init;
    const handler = (create as unknown as Create)(({ requestInfo }) => serve(requestInfo), {
      legacy: "reject",
      bus,
      responseMode,
      // Counted by owners (Exchanges), and kept alive by whoever writes them (EventStream).
      maxSubscriptions: Infinity,
      keepAliveMs: 0,
      onerror: (error) => this.#noteError(error),
    });
    // Users without TypeScript give any function.
    const { fetch } = Object(handler) as Partial<McpHandler>;
    if (typeof fetch === "function") return handler;
    throw new TypeError(
      "streamable.modern must be createMcpHandler of @modelcontextprotocol/server",
    );
  }

  /** It is also told of each request that it refuses, in words that the client chose in part. */
  #noteError(error: Error): void {
    const isRefusal = "code" in error || /^(Rejected|Unsupported) /.test(error.message);
    if (isRefusal) return;
    this.#init.logger.error(`2026-07-28: ${error.name}: ${error.message}`);
  }
}
