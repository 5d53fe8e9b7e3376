import {
  checkMilliseconds,
  checkNumber,
  checkText,
  checkOptionNames,
  optionError,
} from "../shared/check.js";
import { DEFAULT_MAX_HEADER_BYTES } from "./http-server.js";
import type { HttpTimes } from "./http-server.js";
import type { AuthConfig } from "../../strategies/index.js";
import type { Principal } from "../auth/principal.js";
import type { SseOptions } from "../options/options.js";
import { TRANSPORT_OPTION_DIRECTIONS } from "../options/misplaced-options.js";
import { checkPath, checkSize, SERVER_OPTION_NAMES } from "../options/resolve.js";
import { isLoopbackAddress } from "../http/origin.js";

/**
 * How long `MCPServer`'s HTTP server waits for its peers. Node looks at the last two every 30
 * seconds.
 */
export interface HttpTimesConfig {
  /**
   * Milliseconds that a connection may be idle between two requests; 0 for ever. Behind a load
   * balancer it must be longer than the balancer's own idle time, or requests now and then become
   * a 502. Default: 75000 (75 seconds), for those that wait 60.
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

/** Options of `MCPServer`'s SSE transport. */
export interface SseServerOptions<P = Principal> extends SseOptions {
  /** As on the router; may be left out on loopback only, where it means `false`. */
  auth?: P extends Principal ? AuthConfig : false;
  /** TCP port; 0 for a free one. Default: 8080. */
  port?: number;
  /** Address to listen on. Default: `"127.0.0.1"`. */
  host?: string;
  /**
   * Whether the POSTs of known sessions are answered before Express sets them up, which makes
   * them several times as fast. The answers are the same. Default: true.
   */
  ahead?: boolean;
  /** Largest request header, all fields together: bytes, or text such as `"64kb"`. More is answered 431. Default: `"128kb"`. */
  maxHeaderSize?: number | string;
  /** How long the HTTP server waits for its peers. Default: see {@link HttpTimesConfig}. */
  http?: HttpTimesConfig;
  /** Path of the health check, which needs no credential; `false` for none. Default: `"/health"`. */
  health?: string | false;
}

const PATH = "transport.options";

/**
 * Longer than the 60 s for which load balancers keep a connection that is idle: whoever closes it
 * first must be the one who uses it, or a request meets its end and becomes a 502. Node's own
 * default is 5 s.
 */
const DEFAULT_KEEP_ALIVE_MS = 75_000;

/** As Node's. */
const DEFAULT_HEADERS_MS = 60_000;
const DEFAULT_REQUEST_MS = 300_000;

/** What `MCPServer` itself makes of its options; the rest is the router's. */
export interface ListenerOptions {
  readonly port: number;
  readonly host: string;
  /** Path of the health check; `undefined` for none. */
  readonly health: string | undefined;
  readonly maxHeaderBytes: number;
  readonly times: HttpTimes;
  /** Whether the POSTs of known sessions are answered before Express. */
  readonly ahead: boolean;
}

/**
 * Checks and completes what only `MCPServer` takes.
 *
 * @throws TypeError that names the option and says what to write instead.
 */
export function resolveServerOptions(options: object): ListenerOptions {
  checkOptionNames(PATH, options, SERVER_OPTION_NAMES, TRANSPORT_OPTION_DIRECTIONS);
  const { auth, host = "127.0.0.1", port, maxHeaderSize } = options as SseServerOptions;
  // Written but undefined, as with a setting that was not found, is no decision to be open.
  if ("auth" in options && auth === undefined) checkText(`${PATH}.auth`, auth);
  const resolved: ListenerOptions = {
    port: checkPort(port),
    host: checkText(`${PATH}.host`, host),
    health: checkHealth(options),
    maxHeaderBytes: checkSize(`${PATH}.maxHeaderSize`, maxHeaderSize, DEFAULT_MAX_HEADER_BYTES),
    times: checkTimes((options as SseServerOptions).http),
    ahead: checkAhead((options as SseServerOptions).ahead),
  };
  if (auth === undefined && host !== "localhost" && !isLoopbackAddress(host)) {
    throw optionError(
      `${PATH}.auth`,
      `is missing, and other machines can reach ${host}`,
      "Say who may call, or write auth: false to let everybody in.",
    );
  }
  return resolved;
}

function checkPort(value: unknown): number {
  const port = checkNumber(`${PATH}.port`, value, 8080, { min: 0, max: 65_535 });
  if (Number.isInteger(port)) return port;
  throw optionError(`${PATH}.port`, "is no whole number", "Write 0 for a free port.");
}

function checkHealth({ health }: SseServerOptions): string | undefined {
  if (health === false) return undefined;
  if (typeof health === "object") {
    throw optionError(
      `${PATH}.health`,
      "is an object",
      'Write the path, "/live", or false for none.',
    );
  }
  return checkPath(`${PATH}.health`, health, "/health");
}

function checkTimes(given: HttpTimesConfig = {}): HttpTimes {
  const path = `${PATH}.http`;
  const names = ["keepAliveTimeoutMs", "headersTimeoutMs", "requestTimeoutMs"] as const;
  checkOptionNames(path, given, names);
  const check = (name: (typeof names)[number], fallback: number): number =>
    // Node takes whole numbers only.
    Math.ceil(checkMilliseconds(`${path}.${name}`, given[name], fallback, 0));
  const requestTimeout = check("requestTimeoutMs", DEFAULT_REQUEST_MS);
  const shortest = requestTimeout === 0 ? DEFAULT_HEADERS_MS : requestTimeout;
  const headersTimeout = check("headersTimeoutMs", Math.min(DEFAULT_HEADERS_MS, shortest));
  if (requestTimeout > 0 && (headersTimeout === 0 || headersTimeout > requestTimeout)) {
    throw optionError(
      `${path}.headersTimeoutMs`,
      "is longer than requestTimeoutMs, which counts for the headers too",
      `Write at most ${requestTimeout}.`,
    );
  }
  const keepAliveTimeout = check("keepAliveTimeoutMs", DEFAULT_KEEP_ALIVE_MS);
  return { keepAliveTimeout, headersTimeout, requestTimeout };
}

function checkAhead(value: unknown = true): boolean {
  if (typeof value === "boolean") return value;
  throw optionError(`${PATH}.ahead`, "must be true or false", "The default is true.");
}
