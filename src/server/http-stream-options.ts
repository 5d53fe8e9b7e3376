import type { AuthConfig } from "../../strategies/auth-config.js";
import { HTTP_STREAM_DIRECTIONS } from "../options/misplaced-options.js";
import { SSE_OPTIONS } from "../options/options.js";
import type { SseOptions } from "../options/options.js";
import { OF_SSE } from "../options/streamable-options.js";
import { memberAt, refuseUnused } from "../options/unused-options.js";
import { path } from "../options/values.js";
import { checkOptionNames, checkTextList, optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import {
  PATH,
  PORT_OPTIONS,
  readPort,
  routerPart,
  SERVED_STREAMABLE,
  STREAMABLE_PATH,
} from "./server-options.js";
import type { PortOptions, PortSettings } from "./server-options.js";

const SESSION_HEADER = "Mcp-Session-Id";

/** Of sessions, in the words of mcp-framework. */
export interface HttpStreamSession {
  /** Sessions are always on. Default: true. */
  enabled?: true;
  /** Clients know no other. Default: `"Mcp-Session-Id"`. */
  headerName?: "Mcp-Session-Id";
  /** Clients may always end their own sessions, and nobody else's. Default: true. */
  allowClientTermination?: true;
  /** `sessions.maxSessions`. Default: 10000. */
  maxConcurrentSessions?: number;
  /**
   * Milliseconds that a session may be without a message and without a connection, before it ends; 0 for as
   * long as `sessions.idleMs`. Default: 1800000 (30 minutes).
   */
  sessionTimeout?: number;
}

/** Of streams that are cut, in the words of mcp-framework. */
export interface HttpStreamResumability {
  /** `false` is `resume: false`: what was sent while a client is cut off is lost. Default: true. */
  enabled?: boolean;
  /** `resume.graceMs`: milliseconds for which it is kept. Default: 60000 (1 minute). */
  historyDuration?: number;
}

/**
 * Options of `MCPServer`'s transport `"http-stream"`: those of mcp-framework, and those of `"sse"` that
 * are not for HTTP+SSE alone. `W` and `M` are what is written for `auth`, see {@link AuthFor}.
 */
export interface HttpStreamServerOptions<W = AuthConfig | false, M = never>
  extends Omit<SseOptions, "endpoint" | "messageEndpoint">, PortOptions<W, M> {
  /**
   * Path of the endpoint; or several, where clients still have the URL of HTTP+SSE: `["/mcp", "/sse"]`. The
   * first is that of `server.url`. `publicUrl` is what comes before it. Default: `"/mcp"`.
   */
  endpoint?: string | readonly string[];
  /**
   * How calls are answered: `"stream"` by an event stream, `"batch"` by JSON alone, for gateways that hold
   * streams back. Default: by JSON, and by a stream where something is said before the answer, or a second
   * has passed.
   */
  responseMode?: "stream" | "batch";
  /** Sessions, as in mcp-framework. Default: see {@link HttpStreamSession}. */
  session?: HttpStreamSession;
  /** Streams that are cut, as in mcp-framework. Default: see {@link HttpStreamResumability}. */
  resumability?: HttpStreamResumability;
}

/** What {@link HttpStreamServerOptions} has of its own. */
export const HTTP_STREAM_OPTIONS = {
  endpoint: opt.custom("path, or a list", readEndpoints, STREAMABLE_PATH),
  responseMode: opt.optional(opt.custom('"stream" or "batch"', readMode)),
  session: opt.block({
    enabled: always("They say whose a conversation is, and let it go on after a cut"),
    headerName: opt.custom("text", readHeaderName, SESSION_HEADER),
    allowClientTermination: always(
      "Only who opened a session can end it, and what nobody ends waits for its time-out",
    ),
    maxConcurrentSessions: opt.wholeNumber("sessions", 10_000, "for no limit"),
    sessionTimeout: opt.wholeNumber("milliseconds", 1_800_000, "for as long as sessions.idleMs"),
  } satisfies opt.Declares<HttpStreamSession>),
  resumability: opt.block({
    enabled: opt.flag(true),
    historyDuration: opt.milliseconds(60_000),
  } satisfies opt.Declares<HttpStreamResumability>),
} satisfies opt.Declares<
  Omit<HttpStreamServerOptions, Exclude<keyof SseOptions, "endpoint"> | keyof PortOptions>
>;

const OPTION_NAMES = [
  ...new Set([SSE_OPTIONS, PORT_OPTIONS, HTTP_STREAM_OPTIONS].flatMap(Object.keys)),
].filter((name) => name !== "messageEndpoint");

/** Options of mcp-framework that say the same as one of ours. */
const SAME: readonly (readonly [theirs: string, ours: string])[] = [
  ["session.maxConcurrentSessions", "sessions.maxSessions"],
  ["resumability", "resume"],
];

/** @throws TypeError that names the option and says what to write instead. */
export function readHttpStream(options: HttpStreamServerOptions): PortSettings {
  checkOptionNames(PATH, options, OPTION_NAMES, HTTP_STREAM_DIRECTIONS);
  const { endpoint: endpoints, ...read } = opt.readOptions(HTTP_STREAM_OPTIONS, PATH, options);
  const off = 'type: "http-stream"';
  refuseUnused(PATH, options, OF_SSE, off, "Leave it out: it is for HTTP+SSE alone.");
  refuseTwice(options);
  const router = {
    ...routerPart(options, Object.keys(HTTP_STREAM_OPTIONS)),
    endpoint: endpoints[0],
    sse: false,
    streamable: {
      ...SERVED_STREAMABLE,
      ...RESPONSES[read.responseMode ?? "auto"],
      streamlessIdleMs: read.session.sessionTimeout,
    },
    sessions: sessionsOf(options, read.session),
    resume: resumeOf(options, read.resumability),
  };
  return { own: readPort(options), router, streamableAt: () => endpoints };
}

const RESPONSES = {
  auto: {},
  // Every call is answered by a stream, from its begin on.
  stream: { sseAfterMs: 0 },
  batch: { responses: "json" },
} as const;

type Read = opt.Resolved<typeof HTTP_STREAM_OPTIONS>;

function sessionsOf(
  { session, sessions }: HttpStreamServerOptions,
  { maxConcurrentSessions }: Read["session"],
): SseOptions["sessions"] {
  if (session?.maxConcurrentSessions === undefined) return sessions;
  return { ...sessions, maxSessions: maxConcurrentSessions };
}

function resumeOf(
  { resumability, resume }: HttpStreamServerOptions,
  { enabled, historyDuration: graceMs }: Read["resumability"],
): SseOptions["resume"] {
  if (resumability === undefined) return resume;
  if (enabled) return { graceMs };
  const name = `${PATH}.resumability`;
  refuseUnused(name, resumability, ["historyDuration"], "enabled: false", "Leave it out.");
  return false;
}

function refuseTwice(options: HttpStreamServerOptions): void {
  for (const [theirs, ours] of SAME) {
    if (memberAt(options, theirs) === undefined || memberAt(options, ours) === undefined) continue;
    throw optionError(
      `${PATH}.${theirs}`,
      `says the same as ${PATH}.${ours}, and both are written`,
      "Keep one of them.",
    );
  }
}

function readEndpoints(name: string, value: unknown = STREAMABLE_PATH): readonly string[] {
  const given = checkTextList(name, value) ?? [];
  return [...new Set(given.map((text) => path(STREAMABLE_PATH).read(name, text)))];
}

function readMode(name: string, value: unknown): "stream" | "batch" {
  if (value === "stream" || value === "batch") return value;
  throw optionError(name, "is unknown", 'Write "stream" or "batch", or leave it out.');
}

function readHeaderName(name: string, value: unknown = SESSION_HEADER): string {
  if (typeof value === "string" && value.toLowerCase() === SESSION_HEADER.toLowerCase()) {
    return value;
  }
  throw optionError(
    name,
    `must be ${SESSION_HEADER}`,
    "Clients of MCP send no other: leave it out.",
  );
}

/** What cannot be switched off. @param why it cannot. */
function always(why: string): opt.Option<true> {
  return opt.custom(
    "true",
    (name, value = true) => {
      if (value === true) return value;
      throw optionError(name, "must be true", `${why}: leave it out.`);
    },
    true,
  );
}
