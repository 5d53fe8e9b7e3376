import bytes from "bytes";
import type { AuthConfig } from "../strategies/index.js";
import type { Principal } from "./auth/principal.js";
import {
  checkMilliseconds,
  checkNumber,
  checkOptionNames,
  checkText,
  checkTextList,
  optionError,
} from "./errors.js";
import type { SessionInfo } from "./session/session.js";
import { DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_STREAM_OPTIONS } from "./sse-server-transport.js";
import type { SSEServerTransport } from "./sse-server-transport.js";
import type { EventStreamOptions } from "./wire/event-stream.js";
import type { SourceRules } from "./wire/origin.js";

/** Where the package reports what happens: pino, winston and `console` are loggers. Never gets a credential. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Which browser pages may call. */
export interface CorsOptions {
  /**
   * Origins as browsers send them: `"https://app.example.com"`, or `"*"` for every page.
   * Empty entries are dropped. Default: none; a page of the server's own origin is always allowed.
   */
  allowOrigins?: readonly string[];
  /** Whether browsers may send cookies along. Never together with `"*"`. Default: false. */
  credentials?: boolean;
}

/** Times and bounds of a session. */
export interface SessionOptions {
  /** Milliseconds that `createServer` and `setup` may take; then the client gets 503. Default: 10000 (10 seconds). */
  openTimeoutMs?: number;
  /** Bytes that may wait for a slow reader before `send` waits too. Default: 4194304 (4 MiB). */
  maxQueuedBytes?: number;
  /** Milliseconds after which a reader that takes nothing loses its stream; 0 for never. Default: 30000 (30 seconds). */
  stallMs?: number;
  /**
   * What happens to an open stream when its owner's credential expires: `"end-stream"` ends it,
   * so that the client comes back with a new one; `"keep"` leaves it open. A newer credential of
   * the same principal on any POST prolongs the stream, and a POST with an expired one is refused
   * either way. Default: `"end-stream"`.
   */
  onTokenExpiry?: "end-stream" | "keep";
}

/** Options that the router and `MCPServer` share. */
export interface SseOptions {
  /** Path of the event stream, below the mount. Default: `"/sse"`. */
  endpoint?: string;
  /** Path that messages are posted to, below the mount. Default: `"/messages"`. */
  messageEndpoint?: string;
  cors?: CorsOptions;
  /** Largest POST body: bytes, or text such as `"4mb"`. Default: `"4mb"`. */
  maxMessageSize?: number | string;
  /** Headers for every answer of the endpoint, for example `Strict-Transport-Security`. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /**
   * URL under which clients reach the mount, when a proxy changes it:
   * `"https://api.example.com/mcp"`. Default: derived from each request's path.
   */
  publicUrl?: string;
  /**
   * `Host` values that are served, with or without port. Default: on loopback the loopback names
   * and `publicUrl`'s, elsewhere any.
   */
  allowedHosts?: readonly string[];
  /** Milliseconds of silence after which a comment keeps the stream alive; 0 for none. Default: 15000 (15 seconds). */
  keepAliveMs?: number;
  sessions?: SessionOptions;
  /** Default: silent. */
  logger?: Logger;
}

/** An SDK server of either major; only these two methods are used. */
export interface McpServerLike {
  connect(transport: SSEServerTransport): Promise<void>;
  close(): Promise<void>;
}

/** Options of `createSseRouter`. `P` is the type of the principal: `undefined` where `auth` is `false`. */
export interface SseRouterOptions<P = Principal> extends SseOptions {
  /** How callers are authenticated; several methods in a list let in whoever passes one. `false` opens the endpoint to everybody. */
  auth: P extends Principal ? AuthConfig : false;
  /**
   * Makes the SDK server of one session: a new one at each call. Runs after authentication and
   * before the client gets an answer.
   *
   * A throw answers the client 500, silence for `sessions.openTimeoutMs` 503, a server that was
   * returned before 500; other sessions are not affected.
   */
  createServer: (session: SessionInfo<P>) => McpServerLike | Promise<McpServerLike>;
}

/** Options of `MCPServer`'s SSE transport. */
export interface SseServerOptions<P = Principal> extends SseOptions {
  /** As on the router; may be left out on loopback only, where it means `false`. */
  auth?: P extends Principal ? AuthConfig : false;
  /** TCP port; 0 for a free one. Default: 8080. */
  port?: number;
  /** Address to listen on. Default: `"127.0.0.1"`. */
  host?: string;
  /** Path of the health check, which needs no credential; `false` for none. Default: `"/health"`. */
  health?: string | false;
}

/** {@link SseOptions}, checked and complete. */
export interface ResolvedOptions {
  readonly endpoint: string;
  readonly messageEndpoint: string;
  readonly maxMessageBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly publicUrl: URL | undefined;
  readonly sourceRules: SourceRules;
  readonly corsCredentials: boolean;
  readonly stream: EventStreamOptions;
  readonly openTimeoutMs: number;
  /** Whether a stream ends when its owner's credential does. */
  readonly endsWithCredential: boolean;
  readonly logger: Logger;
}

const SSE_OPTION_NAMES = [
  "auth",
  "endpoint",
  "messageEndpoint",
  "cors",
  "maxMessageSize",
  "headers",
  "publicUrl",
  "allowedHosts",
  "keepAliveMs",
  "sessions",
  "logger",
] as const;

/** Names that `createSseRouter` takes. */
export const ROUTER_OPTION_NAMES = [...SSE_OPTION_NAMES, "createServer"] as const;

/** Names that `MCPServer` takes in `transport.options`. */
export const SERVER_OPTION_NAMES = [...SSE_OPTION_NAMES, "port", "host", "health"] as const;

const SESSION_OPTION_NAMES = ["openTimeoutMs", "maxQueuedBytes", "stallMs", "onTokenExpiry"];

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Checks and completes what the router and `MCPServer` share.
 *
 * @param path what comes before an option's name in error messages, for example `"options"`.
 * @throws TypeError that names the option and says what to write instead.
 */
export function resolveOptions(options: SseOptions, path: string): ResolvedOptions {
  const endpoint = checkPath(`${path}.endpoint`, options.endpoint, "/sse");
  const messageEndpoint = checkPath(
    `${path}.messageEndpoint`,
    options.messageEndpoint,
    "/messages",
  );
  if (endpoint === messageEndpoint) {
    throw optionError(`${path}.messageEndpoint`, "equals endpoint", "Give it a path of its own.");
  }
  const publicUrl = checkPublicUrl(`${path}.publicUrl`, options.publicUrl);
  const cors = checkCors(`${path}.cors`, options.cors);
  return {
    endpoint,
    messageEndpoint,
    publicUrl,
    maxMessageBytes: checkSize(`${path}.maxMessageSize`, options.maxMessageSize),
    headers: checkHeaders(`${path}.headers`, options.headers),
    sourceRules: {
      allowedHosts: checkHosts(`${path}.allowedHosts`, options.allowedHosts),
      allowedOrigins: cors.allowOrigins,
      publicUrl,
    },
    corsCredentials: cors.credentials,
    ...checkSessions(path, options),
    logger: checkLogger(`${path}.logger`, options.logger),
  };
}

function checkSessions(
  path: string,
  { sessions = {}, keepAliveMs }: SseOptions,
): Pick<ResolvedOptions, "stream" | "openTimeoutMs" | "endsWithCredential"> {
  checkOptionNames(`${path}.sessions`, sessions, SESSION_OPTION_NAMES);
  const { openTimeoutMs, maxQueuedBytes, stallMs, onTokenExpiry } = sessions as SessionOptions;
  const defaults = DEFAULT_STREAM_OPTIONS;
  return {
    endsWithCredential: checkExpiryPolicy(`${path}.sessions.onTokenExpiry`, onTokenExpiry),
    openTimeoutMs: checkMilliseconds(`${path}.sessions.openTimeoutMs`, openTimeoutMs, 10_000),
    stream: {
      keepAliveMs: checkMilliseconds(`${path}.keepAliveMs`, keepAliveMs, defaults.keepAliveMs, 0),
      maxQueuedBytes: checkNumber(
        `${path}.sessions.maxQueuedBytes`,
        maxQueuedBytes,
        defaults.maxQueuedBytes,
        { min: 1 },
      ),
      stallMs: checkMilliseconds(`${path}.sessions.stallMs`, stallMs, defaults.stallMs, 0),
    },
  };
}

function checkExpiryPolicy(option: string, value: unknown = "end-stream"): boolean {
  if (value === "end-stream" || value === "keep") return value === "end-stream";
  throw optionError(option, "is unknown", 'Write "end-stream" or "keep".');
}

/** A literal path: it is compared as it is, so patterns and encodings would never match. */
export function checkPath(option: string, value: unknown, fallback: string): string {
  if (value === undefined) return fallback;
  const path = checkText(option, value);
  if (!/^(?:\/[\w.~!$&'()*+,;=@-]+)+$/.test(path)) {
    throw optionError(option, "is no plain path", `Write it like "${fallback}".`);
  }
  return path;
}

function checkSize(option: string, value: unknown): number {
  if (value === undefined) return DEFAULT_MAX_MESSAGE_BYTES;
  const size = typeof value === "string" || typeof value === "number" ? bytes.parse(value) : null;
  if (size === null || !Number.isFinite(size) || size < 1) {
    throw optionError(option, "is no size", 'Write bytes as a number, or text such as "4mb".');
  }
  return size;
}

function checkHeaders(option: string, value: unknown = {}): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null) {
    throw optionError(option, "must be an object", 'Write { "Header-Name": "value" }.');
  }
  for (const [name, text] of Object.entries(value)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || typeof text !== "string" || /[\r\n\0]/.test(text)) {
      throw optionError(option, "has an entry that is no header", "Names and values must be text.");
    }
  }
  return { ...(value as Record<string, string>) };
}

function checkPublicUrl(option: string, value: unknown): URL | undefined {
  if (value === undefined) return undefined;
  const text = checkText(option, value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.search + url.hash + url.username + url.password === "";
  if (!isPlain) {
    throw optionError(
      option,
      "is no absolute http(s) URL without query, fragment and credentials",
      'Write it like "https://api.example.com/mcp".',
    );
  }
  return url;
}

function checkCors(option: string, value: unknown = {}): Required<CorsOptions> {
  checkOptionNames(option, value, ["allowOrigins", "credentials"]);
  const { allowOrigins = [], credentials = false } = value as CorsOptions;
  if (!Array.isArray(allowOrigins) || typeof credentials !== "boolean") {
    throw optionError(option, "is incomplete", "allowOrigins is a list, credentials a boolean.");
  }
  // "".split(",") is [""]: an empty environment variable names no origin.
  const origins = allowOrigins.map((origin) => String(origin).trim()).filter((o) => o !== "");
  for (const origin of origins) checkOrigin(`${option}.allowOrigins`, origin);
  if (credentials && origins.includes("*")) {
    throw optionError(option, 'combines credentials with "*"', "Name the origins.");
  }
  return { allowOrigins: origins, credentials };
}

/** Host names are compared as they are: a pattern or a URL would never match. */
function checkHosts(option: string, value: unknown): readonly string[] | undefined {
  const hosts = checkTextList(option, value);
  for (const host of hosts ?? []) {
    if (/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)) continue;
    throw optionError(
      option,
      `has an entry that is no host: ${JSON.stringify(host)}`,
      'Write the name, with a port if it matters, like "mcp.example.com".',
    );
  }
  return hosts;
}

function checkOrigin(option: string, origin: string): void {
  if (origin === "*" || origin === "null") return;
  const isOrigin = URL.canParse(origin) && new URL(origin).origin === origin;
  // Origins are compared as they are: a pattern would never match.
  if (isOrigin && !origin.includes("*")) return;
  throw optionError(
    option,
    `has an entry that is no origin: ${JSON.stringify(origin)}`,
    'Write scheme, host and port only, like "https://app.example.com".',
  );
}

function checkLogger(option: string, value: unknown): Logger {
  if (value === undefined) return SILENT;
  const logger = Object(value) as Record<string, unknown>;
  for (const level of ["debug", "info", "warn", "error"]) {
    if (typeof logger[level] !== "function") {
      throw optionError(option, `has no ${level}()`, "Give a pino or winston logger, or console.");
    }
  }
  return value as Logger;
}
