import { optionError } from "../shared/check.js";
import { readMoved, readOptions } from "../shared/option.js";
import type { Resolved, Settings } from "../shared/option.js";
import type { ByteShare } from "../session/byte-budget.js";
import type { SessionLimits } from "../session/limits.js";
import { ADVANCED } from "./advanced-options.js";
import type { BoundNames } from "./continuation-options.js";
import { byteShare } from "./held-bytes.js";
import { SSE_OPTIONS } from "./options.js";
import type { SseOptions } from "./options.js";
import type { ResumeOptions } from "./resume-options.js";
import type { SESSIONS } from "./session-options.js";
import type { SourceRules } from "./source-rules.js";
import type { EventStreamOptions } from "./stream-options.js";

type Read = Resolved<typeof SSE_OPTIONS>;

type Advanced = Settings<typeof ADVANCED>;

/** {@link SseOptions}, checked and complete. */
export interface ResolvedOptions
  extends
    Pick<Read, "endpoint" | "messageEndpoint" | "headers" | "publicUrl" | "throttle" | "logger">,
    Pick<Settings<typeof SESSIONS>, "openTimeoutMs" | "bodyTimeoutMs">,
    Pick<Advanced, "revalidateAfterMs">,
    BoundNames {
  readonly maxMessageBytes: number;
  readonly sourceRules: SourceRules;
  readonly corsCredentials: boolean;
  readonly stream: EventStreamOptions;
  readonly limits: SessionLimits;
  /** How much memory may be held for callers. */
  readonly bytes: ByteShare;
  /** Whether a stream ends when its owner's credential does. */
  readonly endsWithCredential: boolean;
  /** `undefined` when sessions end with their streams. */
  readonly resume: ResumeOptions | undefined;
}

/**
 * Checks and completes what the router and `MCPServer` share.
 *
 * @param path what comes before an option's name in error messages, for example `"options"`.
 * @throws TypeError that names the option and says what to write instead.
 */
export function resolveOptions(options: SseOptions, path: string): ResolvedOptions {
  const read = readOptions(SSE_OPTIONS, path, options);
  const advanced = readAdvanced(path, options);
  const { endpoint, messageEndpoint, cors, publicUrl, sessions } = read;
  if (endpoint === messageEndpoint) {
    throw optionError(`${path}.messageEndpoint`, "equals endpoint", "Give it a path of its own.");
  }
  const { maxHeldBytes, maxHeldBytesPerPrincipal } = sessions;
  checkMessageSize(path, read.maxMessageSize, maxHeldBytes);
  return {
    endpoint,
    messageEndpoint,
    publicUrl,
    headers: read.headers,
    logger: read.logger,
    throttle: read.throttle,
    maxMessageBytes: read.maxMessageSize,
    sourceRules: {
      allowedHosts: read.allowedHosts,
      allowedOrigins: cors.allowOrigins,
      publicUrl,
    },
    corsCredentials: cors.credentials,
    stream: {
      keepAliveMs: read.keepAliveMs,
      maxQueuedBytes: sessions.maxQueuedBytes,
      stallMs: sessions.stallMs,
    },
    limits: limitsOf(sessions, advanced),
    bytes: byteShare(`${path}.sessions`, maxHeldBytes, maxHeldBytesPerPrincipal),
    openTimeoutMs: sessions.openTimeoutMs,
    bodyTimeoutMs: sessions.bodyTimeoutMs,
    boundClaims: sessions.boundClaims,
    boundHeaders: sessions.boundHeaders,
    endsWithCredential: sessions.onTokenExpiry === "end-stream",
    revalidateAfterMs: advanced.revalidateAfterMs,
    resume: resumeOf(read, advanced),
  };
}

function limitsOf(sessions: Read["sessions"], { maxUninitialized }: Advanced): SessionLimits {
  const { maxSessions, maxSessionsPerPrincipal, maxInFlight } = sessions;
  const { initTimeoutMs, idleMs, lifetimeMs } = sessions;
  const times = { initTimeoutMs, idleMs, lifetimeMs };
  return { maxSessions, maxSessionsPerPrincipal, maxUninitialized, maxInFlight, ...times };
}

function resumeOf({ resume }: Read, advanced: Advanced): ResumeOptions | undefined {
  if (resume === undefined) return undefined;
  const { graceMs, maxBufferedBytes, retryMs } = resume;
  const { probeMs, closeLostClients } = advanced;
  return { graceMs, maxBufferedBytes, retryMs, probeMs, closeLostClients };
}

/** `advanced`, and what is written of it where it once stood. */
function readAdvanced(path: string, { advanced, sessions, resume }: SseOptions): Advanced {
  const name = `${path}.advanced`;
  const places = { [`${path}.sessions`]: sessions, [`${path}.resume`]: resume };
  const settings = readMoved(ADVANCED, name, advanced, places);
  for (const option of ["probeMs", "closeLostClients"] as const) {
    if (resume !== false || advanced?.[option] === undefined) continue;
    throw optionError(`${name}.${option}`, "has no meaning with resume: false", "Leave it out.");
  }
  return settings;
}

/** A body of which nobody says how long it is needs room for the longest. */
function checkMessageSize(path: string, size: number, maxHeldBytes: number | undefined): void {
  if (maxHeldBytes === undefined || 2 * size <= maxHeldBytes) return;
  throw optionError(
    `${path}.maxMessageSize`,
    `is more than half of sessions.maxHeldBytes, ${maxHeldBytes}`,
    "A message needs room for its answer: write less here, or more there.",
  );
}
