import { checkMilliseconds, checkNumber, checkOptionNames, optionError } from "../shared/check.js";
import type { SessionOptions, SseOptions } from "./options.js";
import { resolveByteShare } from "./resolve-bytes.js";
import type { ByteShare } from "../session/byte-accounts.js";
import type { SessionLimits } from "../session/limits.js";
import { DEFAULT_STREAM_OPTIONS } from "./stream-options.js";
import type { EventStreamOptions } from "./stream-options.js";

/** {@link SessionOptions}, checked and complete. */
export interface ResolvedSessions {
  readonly stream: EventStreamOptions;
  readonly openTimeoutMs: number;
  readonly limits: SessionLimits;
  /** How much memory may be held for callers. */
  readonly bytes: ByteShare;
  /** Milliseconds that may pass between two pieces of a body. */
  readonly bodyTimeoutMs: number;
  /** Whether a stream ends when its owner's credential does. */
  readonly endsWithCredential: boolean;
  /** Milliseconds for which a verified credential counts for the next POSTs; 0 for none. */
  readonly revalidateAfterMs: number;
}

const SESSION_OPTION_NAMES = [
  "openTimeoutMs",
  "maxQueuedBytes",
  "stallMs",
  "onTokenExpiry",
  "revalidateAfterMs",
  "boundClaims",
  "boundHeaders",
  "maxSessions",
  "maxSessionsPerPrincipal",
  "maxUninitialized",
  "initTimeoutMs",
  "idleMs",
  "lifetimeMs",
  "maxInFlight",
  "bodyTimeoutMs",
  "maxHeldBytes",
  "maxHeldBytesPerPrincipal",
];

/** Limits of sessions unless told otherwise. */
const DEFAULT_LIMITS: SessionLimits = {
  maxSessions: 10_000,
  maxSessionsPerPrincipal: 100,
  maxUninitialized: 100,
  maxInFlight: 100,
  initTimeoutMs: 60_000,
  idleMs: 86_400_000,
  lifetimeMs: 0,
};

/**
 * Checks and completes what is said of sessions, and of their streams.
 *
 * @throws TypeError for a wrong option.
 */
export function resolveSessions(
  path: string,
  { sessions = {}, keepAliveMs }: SseOptions,
): ResolvedSessions {
  checkOptionNames(`${path}.sessions`, sessions, SESSION_OPTION_NAMES);
  const given = sessions as SessionOptions;
  const { openTimeoutMs, maxQueuedBytes, stallMs, onTokenExpiry, revalidateAfterMs } = given;
  const defaults = DEFAULT_STREAM_OPTIONS;
  return {
    endsWithCredential: checkExpiryPolicy(`${path}.sessions.onTokenExpiry`, onTokenExpiry),
    openTimeoutMs: checkMilliseconds(`${path}.sessions.openTimeoutMs`, openTimeoutMs, 10_000),
    revalidateAfterMs: checkMilliseconds(
      `${path}.sessions.revalidateAfterMs`,
      revalidateAfterMs,
      30_000,
      0,
    ),
    limits: checkLimits(`${path}.sessions`, sessions),
    bodyTimeoutMs: checkMilliseconds(`${path}.sessions.bodyTimeoutMs`, given.bodyTimeoutMs, 30_000),
    bytes: resolveByteShare(`${path}.sessions`, given),
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

function checkLimits(path: string, options: SessionOptions): SessionLimits {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof SessionLimits)[];
  const checked = names.map((name) => {
    const value = checkNumber(`${path}.${name}`, options[name], DEFAULT_LIMITS[name], { min: 0 });
    if (Number.isInteger(value)) return [name, value];
    throw optionError(`${path}.${name}`, "is no whole number", "Write 0 for no limit.");
  });
  return Object.fromEntries(checked) as SessionLimits;
}

function checkExpiryPolicy(option: string, value: unknown = "end-stream"): boolean {
  if (value === "end-stream" || value === "keep") return value === "end-stream";
  throw optionError(option, "is unknown", 'Write "end-stream" or "keep".');
}
