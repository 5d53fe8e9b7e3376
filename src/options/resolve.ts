import bytes from "bytes";
import {
  checkMilliseconds,
  checkNumber,
  checkTextList,
  checkText,
  checkOptionNames,
  optionError,
} from "../shared/check.js";
import { checkBound } from "./continuation-options.js";
import type { BoundNames } from "./continuation-options.js";
import { CORS_DIRECTIONS } from "./misplaced-options.js";
import { toLogger } from "../shared/logger.js";
import type { Logger } from "../shared/logger.js";
import type { ThrottleOptions } from "../auth/failure-throttle.js";
import type { CorsOptions, ResumeConfig, SseOptions, ThrottleConfig } from "./options.js";
import { resolveSessions } from "./resolve-sessions.js";
import type { ResolvedSessions } from "./resolve-sessions.js";
import type { ResumeOptions } from "../sse/resume-options.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "./stream-options.js";
import type { SourceRules } from "../http/origin.js";
import { isHost } from "../shared/http-syntax.js";

/** {@link SseOptions}, checked and complete. */
export interface ResolvedOptions extends BoundNames, ResolvedSessions {
  readonly endpoint: string;
  readonly messageEndpoint: string;
  readonly maxMessageBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly publicUrl: URL | undefined;
  readonly sourceRules: SourceRules;
  readonly corsCredentials: boolean;
  /** `undefined` when sessions end with their streams. */
  readonly resume: ResumeOptions | undefined;
  /** `undefined` when any number of credentials may be tried. */
  readonly throttle: ThrottleOptions | undefined;
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
  "resume",
  "throttle",
  "logger",
] as const;

/** Names that `createSseRouter` takes. */
export const ROUTER_OPTION_NAMES = [...SSE_OPTION_NAMES, "createServer"] as const;

/** Names that `MCPServer` takes in `transport.options`. */
export const SERVER_OPTION_NAMES = [
  ...SSE_OPTION_NAMES,
  "port",
  "host",
  "health",
  "maxHeaderSize",
  "http",
  "ahead",
] as const;

const RESUME_OPTION_NAMES = [
  "graceMs",
  "maxBufferedBytes",
  "retryMs",
  "probeMs",
  "closeLostClients",
];

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
  const sessions = resolveSessions(path, options);
  return {
    endpoint,
    messageEndpoint,
    publicUrl,
    maxMessageBytes: checkMessageSize(`${path}.maxMessageSize`, options, sessions),
    headers: checkHeaders(`${path}.headers`, options.headers),
    sourceRules: {
      allowedHosts: checkHosts(`${path}.allowedHosts`, options.allowedHosts),
      allowedOrigins: cors.allowOrigins,
      publicUrl,
    },
    corsCredentials: cors.credentials,
    ...sessions,
    ...checkBound(`${path}.sessions`, options.sessions),
    resume: checkResume(`${path}.resume`, options.resume),
    throttle: checkThrottle(`${path}.throttle`, options.throttle),
    logger: toLogger(`${path}.logger`, options.logger),
  };
}

function checkThrottle(
  option: string,
  value: ThrottleConfig | false = {},
): ThrottleOptions | undefined {
  if (value === false) return undefined;
  checkOptionNames(option, value, ["maxFailures", "windowMs"]);
  const { maxFailures, windowMs } = value as ThrottleConfig;
  return {
    maxFailures: checkNumber(`${option}.maxFailures`, maxFailures, 20, { min: 1 }),
    windowMs: checkMilliseconds(`${option}.windowMs`, windowMs, 60_000),
  };
}

function checkResume(option: string, value: ResumeConfig | false = {}): ResumeOptions | undefined {
  if (value === false) return undefined;
  checkOptionNames(option, value, RESUME_OPTION_NAMES);
  const { graceMs, maxBufferedBytes, retryMs, probeMs, closeLostClients } = value as ResumeConfig;
  if (closeLostClients !== undefined && typeof closeLostClients !== "boolean") {
    throw optionError(
      `${option}.closeLostClients`,
      "must be true or false",
      "The default is true.",
    );
  }
  return {
    graceMs: checkMilliseconds(`${option}.graceMs`, graceMs, 60_000),
    maxBufferedBytes: checkNumber(`${option}.maxBufferedBytes`, maxBufferedBytes, 1_048_576, {
      min: 1,
    }),
    // Clients ignore a time that is not written in digits only.
    retryMs: Math.ceil(checkMilliseconds(`${option}.retryMs`, retryMs, 1_000)),
    probeMs: checkMilliseconds(`${option}.probeMs`, probeMs, 2_000),
    closeLostClients: closeLostClients ?? true,
  };
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

/** A number of bytes, or text that says one. */
export function checkSize(option: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const size = typeof value === "string" || typeof value === "number" ? bytes.parse(value) : null;
  if (size === null || !Number.isFinite(size) || size < 1) {
    throw optionError(option, "is no size", 'Write bytes as a number, or text such as "4mb".');
  }
  return Math.floor(size);
}

/** A body of which nobody says how long it is needs room for the longest. */
function checkMessageSize(
  option: string,
  { maxMessageSize, sessions }: SseOptions,
  { bytes: { budget } }: Pick<ResolvedOptions, "bytes">,
): number {
  const size = checkSize(option, maxMessageSize, DEFAULT_MAX_MESSAGE_BYTES);
  if (sessions?.maxHeldBytes === undefined || 2 * size <= budget.maxBytes) return size;
  throw optionError(
    option,
    `is more than half of sessions.maxHeldBytes, ${budget.maxBytes}`,
    "A message needs room for its answer: write less here, or more there.",
  );
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
  checkOptionNames(option, value, ["allowOrigins", "credentials"], CORS_DIRECTIONS);
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
    if (isHost(host)) continue;
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
