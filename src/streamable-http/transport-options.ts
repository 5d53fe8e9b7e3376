import { REBINDING_OPTIONS } from "../http/rebinding-protection.js";
import type { RebindingProtection } from "../http/rebinding-protection.js";
import { RESUME } from "../options/resume-options.js";
import type { KeptOptions, ResumeConfig } from "../options/resume-options.js";
import { STREAM_OPTIONS } from "../options/stream-options.js";
import { refuseUnused } from "../options/unused-options.js";
import { checkOptionNames } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** Options of `StreamableHTTPServerTransport`: the SDK's, and a few more. */
export interface StreamableHTTPServerTransportOptions extends RebindingProtection {
  /**
   * Makes the session's id, when `initialize` comes: visible ASCII, and nothing that can be guessed,
   * such as `randomUUID()`. Default: no sessions; then the transport is for one request alone.
   */
  sessionIdGenerator?: (() => string) | undefined;
  /**
   * Called with the session's id before the server gets `initialize`, and waited for: put the transport
   * where its next requests find it. If it throws, the client gets 500, and the session has ended.
   * Default: nobody is told.
   */
  onsessioninitialized?: ((sessionId: string) => void | Promise<void>) | undefined;
  /**
   * Called with the session's id when the client ends it by a DELETE, and waited for; `onclose` is called
   * however a session ends. Default: nobody is told.
   */
  onsessionclosed?: ((sessionId: string) => void | Promise<void>) | undefined;
  /**
   * Whether calls are answered by JSON and never by a stream, unless a client takes nothing else. What
   * the server says in the course of a call then goes on the stream of the GET. Default: false.
   */
  enableJsonResponse?: boolean;
  /**
   * Milliseconds after which a call without an answer is answered by a stream; what is quicker is JSON,
   * which costs less. Default: 0 (a stream at once, as from the SDK's class).
   */
  sseAfterMs?: number;
  /**
   * Not taken: what was sent is kept by each transport itself, within `resume.maxBufferedBytes`. One
   * store for several sessions would give a client the others' events.
   */
  eventStore?: never;
  /**
   * Not taken: `MCP-Protocol-Version` may be any revision with a handshake, and the one that the
   * server has agreed to. Which these are, say to the server.
   */
  supportedProtocolVersions?: never;
  /** Milliseconds after which clients come back to a stream that was cut. Default: 1000 (1 second). */
  retryInterval?: number;
  /**
   * How much is kept for a client that was cut off (`maxBufferedBytes`), and for how long (`graceMs`);
   * `false` for nothing. Default: 1048576 (1 MiB), for 60000 milliseconds (1 minute).
   */
  resume?: Pick<ResumeConfig, "graceMs" | "maxBufferedBytes"> | false;
  /**
   * Milliseconds of silence after which a comment keeps a stream alive; 0 for none. Default: 15000 (15
   * seconds).
   */
  keepAliveMs?: number;
  /** Longest POST body in bytes, whoever has read it. Default: 4194304 (4 MiB). */
  maxRequestBodySize?: number;
  /**
   * Bytes that may wait for a slow reader before `send` waits too. When as many again wait from
   * senders that do not wait themselves, a reader that takes nothing for 15 seconds loses its
   * stream. Default: 4194304 (4 MiB).
   */
  maxQueuedBytes?: number;
  /**
   * Milliseconds after which a reader that takes nothing of what waits for it loses its stream; 0 for
   * never. Default: 30000 (30 seconds).
   */
  stallMs?: number;
}

type Listener = (sessionId: string) => void | Promise<void>;

const { graceMs, maxBufferedBytes, retryMs } = RESUME.options;

/** {@link StreamableHTTPServerTransportOptions}, but for those that are not taken. */
export const STREAMABLE_TRANSPORT_OPTIONS = {
  sessionIdGenerator: opt.optional(
    opt.callback<() => string>("Write () => randomUUID(), or leave it out for no sessions."),
  ),
  onsessioninitialized: opt.optional(opt.callback<Listener>("Write (sessionId) => { … }.")),
  onsessionclosed: opt.optional(opt.callback<Listener>("Write (sessionId) => { … }.")),
  enableJsonResponse: opt.flag(false),
  sseAfterMs: opt.milliseconds(0, 0),
  retryInterval: retryMs,
  resume: opt.orFalse(opt.block({ graceMs, maxBufferedBytes })),
  // As in the SDK.
  maxRequestBodySize: opt.number("bytes", 4_194_304, { min: 1 }),
  ...STREAM_OPTIONS,
  ...REBINDING_OPTIONS,
} satisfies opt.Declares<
  Omit<StreamableHTTPServerTransportOptions, "eventStore" | "supportedProtocolVersions">
>;

/** What to do instead of options of the SDK that are not taken. */
const DIRECTIONS = {
  eventStore:
    "Leave it out: each transport keeps what was sent itself, within resume.maxBufferedBytes. One store for " +
    "several sessions would give a client the others' events.",
  supportedProtocolVersions:
    "Leave it out, or give it to the server, which agrees with the client on a revision.",
};

/** What the options come to. */
export type TransportSettings = Omit<
  opt.Resolved<typeof STREAMABLE_TRANSPORT_OPTIONS>,
  "resume" | "retryInterval"
> & {
  /** `undefined` where nothing is kept. */
  readonly resume: KeptOptions | undefined;
};

/**
 * Reads the options. One that is unknown is an error, as an option of a later SDK would be: what is
 * written counts.
 *
 * @throws TypeError that says which option, what is wrong, and what to write instead.
 */
export function readTransportOptions(
  given: StreamableHTTPServerTransportOptions,
): TransportSettings {
  const path = "StreamableHTTPServerTransport options";
  // Users without TypeScript give anything.
  const isObject = typeof given === "object" && (given as object | null) !== null;
  const written = isObject
    ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    : given;
  checkOptionNames(path, written, Object.keys(STREAMABLE_TRANSPORT_OPTIONS), DIRECTIONS);
  const { resume, retryInterval, ...settings } = opt.readOptions(
    STREAMABLE_TRANSPORT_OPTIONS,
    path,
    written,
  );
  const hasSessions = settings.sessionIdGenerator !== undefined;
  if (!hasSessions) {
    const names = ["onsessioninitialized", "onsessionclosed", "resume", "retryInterval"];
    const instead =
      "Leave it out, or give a sessionIdGenerator: without one there are no sessions.";
    refuseUnused(path, written, names, "sessionIdGenerator: undefined", instead);
  }
  if (resume === undefined) {
    const instead = "Leave it out: nobody comes back where nothing is kept.";
    refuseUnused(path, written, ["retryInterval"], "resume: false", instead);
  }
  if (settings.enableJsonResponse) {
    const instead = "Leave one of the two out.";
    refuseUnused(path, written, ["sseAfterMs"], "enableJsonResponse: true", instead);
  }
  const isKept = hasSessions && resume !== undefined;
  return { ...settings, resume: isKept ? { ...resume, retryMs: retryInterval } : undefined };
}
