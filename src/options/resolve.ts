import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import type { ByteShare } from "../session/byte-budget.js";
import type { SessionLimits } from "../session/limits.js";
import { ADVANCED } from "./advanced-options.js";
import type { BoundNames } from "./continuation-options.js";
import { refuseRestore } from "./cluster-options.js";
import { byteShare } from "./held-bytes.js";
import { SSE_OPTIONS } from "./options.js";
import type { SseOptions } from "./options.js";
import type { RestoreSettings } from "./restore-options.js";
import type { ResumeOptions } from "./resume-options.js";
import type { SESSIONS } from "./session-options.js";
import type { SourceRules } from "./source-rules.js";
import type { EventStreamOptions } from "./stream-options.js";
import { SSE_ONLY } from "./streamable-options.js";
import { refuseUnused } from "./unused-options.js";
import type { Wires } from "./streamable-options.js";

type Read = opt.Resolved<typeof SSE_OPTIONS>;

type Advanced = opt.Settings<typeof ADVANCED>;

/** {@link SseOptions}, checked and complete. */
export interface ResolvedOptions
  extends
    Pick<
      Read,
      | "audit"
      | "endpoint"
      | "messageEndpoint"
      | "headers"
      | "publicUrl"
      | "throttle"
      | "cluster"
      | "policy"
      | "logger"
    >,
    Pick<opt.Settings<typeof SESSIONS>, "openTimeoutMs" | "bodyTimeoutMs">,
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
  /** How sessions are restored; `undefined` when they are not. */
  readonly restore: RestoreSettings | undefined;
  /** `undefined` when sessions end with their streams. */
  readonly resume: ResumeOptions | undefined;
}

/**
 * Checks and completes what the router and `MCPServer` share.
 *
 * @param wires those that are served. Default: HTTP+SSE.
 * @param path what comes before an option's name in error messages, for example `"options"`.
 * @throws TypeError that names the option and says what to write instead.
 */
export function resolveOptions(
  options: SseOptions,
  path: string,
  wires: Wires = SSE_ONLY,
): ResolvedOptions {
  const read = opt.readOptions(SSE_OPTIONS, path, options);
  const { endpoint, messageEndpoint, headers, publicUrl, throttle, logger, cors, sessions } = read;
  const { cluster, policy, audit } = read;
  const { maxUninitialized, revalidateAfterMs, ...probing } = readAdvanced(path, options);
  const { maxQueuedBytes, stallMs, maxHeldBytes, maxHeldBytesPerPrincipal } = sessions;
  const { maxSessions, maxSessionsPerPrincipal, maxInFlight } = sessions;
  const { initTimeoutMs, idleMs, lifetimeMs } = sessions;
  const { openTimeoutMs, bodyTimeoutMs, boundClaims, boundHeaders, onTokenExpiry } = sessions;
  if (wires.hasSse && endpoint === messageEndpoint) {
    throw optionError(`${path}.messageEndpoint`, "equals endpoint", "Give it a path of its own.");
  }
  if (wires.streamable === undefined) {
    const instead = "Leave it out: HTTP+SSE has nowhere to keep what it takes.";
    refuseUnused(path, options, ["sessions.restore"], "HTTP+SSE alone", instead);
  }
  if (cluster !== undefined) refuseRestore(path, sessions.restore !== undefined);
  checkMessageSize(path, read.maxMessageSize, maxHeldBytes);
  return {
    ...{ endpoint, messageEndpoint, headers, publicUrl, throttle, cluster, policy, logger, audit },
    ...{ openTimeoutMs, bodyTimeoutMs, boundClaims, boundHeaders, revalidateAfterMs },
    maxMessageBytes: read.maxMessageSize,
    sourceRules: {
      allowedHosts: read.allowedHosts,
      allowedOrigins: cors.allowOrigins,
      publicUrl,
    },
    corsCredentials: cors.credentials,
    stream: { keepAliveMs: read.keepAliveMs, maxQueuedBytes, stallMs },
    limits: {
      ...{ maxSessions, maxSessionsPerPrincipal, maxUninitialized, maxInFlight },
      ...{ initTimeoutMs, idleMs, lifetimeMs },
      streamlessIdleMs: wires.streamable?.streamlessIdleMs ?? 0,
    },
    bytes: byteShare(`${path}.sessions`, maxHeldBytes, maxHeldBytesPerPrincipal),
    restore: sessions.restore,
    endsWithCredential: onTokenExpiry === "end-stream",
    resume: read.resume && { ...read.resume, ...probing },
  };
}

/** `advanced`, and what is written of it where it once stood. */
function readAdvanced(path: string, { advanced, sessions, resume }: SseOptions): Advanced {
  const name = `${path}.advanced`;
  const places = { [`${path}.sessions`]: sessions, [`${path}.resume`]: resume };
  const settings = opt.readMoved(ADVANCED, name, advanced, places);
  if (resume === false) {
    refuseUnused(name, advanced, ["probeMs", "closeLostClients"], "resume: false", "Leave it out.");
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
