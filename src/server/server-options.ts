import type { AuthConfig, AuthFor } from "../../strategies/auth-config.js";
import { isLoopbackAddress } from "../shared/loopback.js";
import { TRANSPORT_OPTION_DIRECTIONS } from "../options/misplaced-options.js";
import { SSE_OPTIONS } from "../options/options.js";
import type { SseOptions } from "../options/options.js";
import type { StreamablePaths } from "../options/streamable-options.js";
import { path, size } from "../options/values.js";
import { checkOptionNames, optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { SERVER_MONITOR_OPTIONS } from "./monitor-place.js";
import type { ServerMonitorOptions } from "./monitor-place.js";

/**
 * How long `MCPServer`'s HTTP server waits for its peers. Node looks at the last two every 30
 * seconds.
 */
export interface HttpTimesConfig {
  /**
   * Milliseconds that a connection may be idle between two requests; 0 for ever. Behind a load
   * balancer it must be longer than the balancer's own idle time, or requests now and then become
   * a 502. Most of those wait 60 seconds.
   * Default: 75000 (75 seconds).
   */
  keepAliveTimeoutMs?: number;
  /**
   * Milliseconds within which the head of a request must have come; 0, only together with
   * `requestTimeoutMs: 0`, for ever: then clients that send nothing hold connections.
   * Default: 60000 (1 minute).
   */
  headersTimeoutMs?: number;
  /** Milliseconds within which a whole request must have come; 0 for ever. Default: 300000 (5 minutes). */
  requestTimeoutMs?: number;
}

/**
 * Options of an `MCPServer` on a port, whichever its transport. `W` and `M` are what is written for
 * `auth`, see {@link AuthFor}.
 */
export interface PortOptions<W = AuthConfig | false, M = never> {
  /** As on the router; may be left out on loopback only. Default: `false`. */
  auth?: AuthFor<W, M>;
  /** TCP port; 0 for a free one. From 0 to 65535. Default: 8080. */
  port?: number;
  /** Address to listen on. Default: `"127.0.0.1"`. */
  host?: string;
  /**
   * Whether the POSTs of known sessions are answered before Express sets them up, which makes
   * them several times as fast. The answers are the same; `false` is for instrumentation that must
   * see them in Express. Default: true.
   */
  ahead?: boolean;
  /** Largest request header, all fields together: bytes, or text such as `"64kb"`; more is answered 431. Default: `"128kb"`. */
  maxHeaderSize?: number | string;
  /** How long the HTTP server waits for its peers. Default: see {@link HttpTimesConfig}. */
  http?: HttpTimesConfig;
  /** A page for operators, for those whom its `guard` lets in: see `router.monitor`. Default: there is none. */
  monitor?: ServerMonitorOptions;
  /** Path of the health check, which needs no credential; `false` for none. Default: `"/health"`. */
  health?: string | false;
}

/**
 * Options of `MCPServer`'s transport `"sse"`. `W` and `M` are what is written for `auth`, see
 * {@link AuthFor}.
 */
export interface SseServerOptions<W = AuthConfig | false, M = never>
  extends SseOptions, PortOptions<W, M> {
  /**
   * Whether Streamable HTTP is served as well, at `endpoint` and at `"/mcp"`: clients that try it first then
   * leave HTTP+SSE with the URL that they have. Default: false.
   */
  streamable?: boolean;
}

/** How errors call the options. */
export const PATH = "transport.options";

/** Where clients look for Streamable HTTP. */
export const STREAMABLE_PATH = "/mcp";

/** Node takes whole numbers only. */
const wholeMilliseconds = (fallback: number): opt.Option<number> =>
  opt.checked(opt.milliseconds(fallback, 0), (_name, value) => Math.ceil(value));

/** As Node's. */
const DEFAULT_HEADERS_MS = 60_000;

/** How long an HTTP server waits, as `node:http` calls it; 0 for ever. */
export interface HttpTimes {
  readonly keepAliveTimeout: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
}

/** {@link HttpTimesConfig}. */
const HTTP_TIMES = opt.block({
  /**
   * Longer than the 60 s for which load balancers keep a connection that is idle: whoever closes
   * it first must be the one who uses it, or a request meets its end and becomes a 502. Node's own
   * default is 5 s.
   */
  keepAliveTimeoutMs: wholeMilliseconds(75_000),
  // Without it, never longer than the whole request may take.
  headersTimeoutMs: opt.optional(wholeMilliseconds(DEFAULT_HEADERS_MS)),
  requestTimeoutMs: wholeMilliseconds(300_000),
} satisfies opt.Declares<HttpTimesConfig>);

/** {@link PortOptions}. */
export const PORT_OPTIONS = {
  // Written but undefined, as with a setting that was not found, is no decision to be open.
  auth: opt.neverUnset(
    opt.unchecked<AuthConfig | false | undefined>("method, list of methods, or `false`"),
  ),
  port: opt.wholeNumber("TCP port", 8080, "for a free port", 65_535),
  host: opt.withDefault(opt.text(), "127.0.0.1"),
  ahead: opt.flag(true),
  // Larger than Node's 16 KiB, so that an oversized token is refused with an answer that says so.
  maxHeaderSize: size("128kb"),
  http: HTTP_TIMES,
  monitor: opt.optional(opt.objectOf(SERVER_MONITOR_OPTIONS)),
  health: opt.custom("path, or `false`", readHealth, "/health"),
} satisfies opt.Declares<PortOptions>;

/** What {@link SseServerOptions} has beside. */
export const SSE_SERVER_OPTIONS = {
  streamable: opt.flag(false),
} satisfies opt.Declares<Omit<SseServerOptions, keyof SseOptions | keyof PortOptions>>;

const OPTION_NAMES = [SSE_OPTIONS, PORT_OPTIONS, SSE_SERVER_OPTIONS].flatMap(Object.keys);

/** What `MCPServer` itself makes of its options; the rest is the router's. */
export interface ListenerOptions extends Pick<
  opt.Resolved<typeof PORT_OPTIONS>,
  "port" | "host" | "monitor" | "health" | "ahead"
> {
  readonly maxHeaderBytes: number;
  readonly times: HttpTimes;
}

/** Options of a router, which checks them. */
export type RouterPart = Readonly<Record<string, unknown>>;

/** What an `MCPServer` on a port is made of. */
export interface PortSettings {
  readonly own: ListenerOptions;
  /** Its router's. */
  readonly router: RouterPart;
  /** Where it serves Streamable HTTP; `undefined` for HTTP+SSE alone. */
  readonly streamableAt: StreamablePaths | undefined;
}

/** @throws TypeError that names the option and says what to write instead. */
export function readSseServer(options: SseServerOptions): PortSettings {
  const { messageEndpoint } = options;
  checkOptionNames(PATH, options, OPTION_NAMES, TRANSPORT_OPTION_DIRECTIONS);
  const { streamable } = opt.readOptions(SSE_SERVER_OPTIONS, PATH, options);
  const router = routerPart(options, Object.keys(SSE_SERVER_OPTIONS));
  const own = readPort(options);
  if (!streamable) return { own, router, streamableAt: undefined };
  if (messageEndpoint === STREAMABLE_PATH) {
    throw optionError(
      `${PATH}.messageEndpoint`,
      `is ${STREAMABLE_PATH}, where Streamable HTTP is served`,
      "Give it a path of its own.",
    );
  }
  return {
    own,
    router: { ...router, streamable: SERVED_STREAMABLE },
    streamableAt: ({ endpoint }) => [...new Set([STREAMABLE_PATH, endpoint])],
  };
}

/**
 * Clients of 2026-07-28 are sent to `initialize` at once: that revision needs servers of SDK v2, and
 * these are of v1.
 */
export const SERVED_STREAMABLE = { modern: false } as const;

/**
 * Checks and completes what is not the router's.
 *
 * @throws TypeError that names the option and says what to write instead.
 */
export function readPort(options: PortOptions): ListenerOptions {
  const read = opt.readOptions(PORT_OPTIONS, PATH, options);
  const { auth, host, port, monitor, health, ahead, maxHeaderSize, http } = read;
  if (auth === undefined && host !== "localhost" && !isLoopbackAddress(host)) {
    throw optionError(
      `${PATH}.auth`,
      `is missing, and other machines can reach ${host}`,
      "Say who may call, or write auth: false to let everybody in.",
    );
  }
  const times = timesOf(http);
  return { host, port, monitor, health, ahead, maxHeaderBytes: maxHeaderSize, times };
}

/** The options that are for the router, `auth` included. @param others names of what else is not. */
export function routerPart(options: PortOptions, others: readonly string[]): RouterPart {
  const { auth = false, ...rest } = options;
  const names = [...Object.keys(PORT_OPTIONS), ...others];
  const given = Object.entries(rest).filter(([name]) => !names.includes(name));
  return { ...Object.fromEntries(given), auth };
}

function readHealth(name: string, value: unknown): string | undefined {
  if (value === false) return undefined;
  if (typeof value !== "object") return path("/health").read(name, value);
  throw optionError(name, "is an object", 'Write the path, "/live", or false for none.');
}

function timesOf({
  keepAliveTimeoutMs: keepAliveTimeout,
  requestTimeoutMs: requestTimeout,
  headersTimeoutMs,
}: opt.Settings<typeof HTTP_TIMES>): HttpTimes {
  const longest = requestTimeout === 0 ? Infinity : requestTimeout;
  const headersTimeout = headersTimeoutMs ?? Math.min(DEFAULT_HEADERS_MS, longest);
  if (requestTimeout > 0 && (headersTimeout === 0 || headersTimeout > requestTimeout)) {
    throw optionError(
      `${PATH}.http.headersTimeoutMs`,
      "is longer than requestTimeoutMs, which counts for the headers too",
      `Write at most ${requestTimeout}.`,
    );
  }
  return { keepAliveTimeout, headersTimeout, requestTimeout };
}
