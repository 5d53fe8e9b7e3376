import { McpSseError } from "../../src/index.js";
import type { CloseReason, ErrorCode, LimitName, LimitReached } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { send } from "../kit/raw-http.js";
import { openSession } from "../kit/raw-sse.js";
import { serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

/** All that there are: one that is missing here, or is none, does not compile. */
const CODES: Readonly<Record<ErrorCode, true>> = {
  ...{ missing_credential: true, invalid_token: true, insufficient_scope: true },
  ...{ temporarily_unavailable: true, host_not_allowed: true, origin_not_allowed: true },
  ...{ method_not_allowed: true, not_found: true, session_id_required: true },
  ...{ session_not_found: true, session_closed: true, event_id_unknown: true },
  ...{ unsupported_media_type: true, message_too_large: true, message_timeout: true },
  ...{ message_unreadable: true, message_not_json: true, message_invalid: true },
  ...{ not_acceptable: true, protocol_version_unsupported: true, too_many_sessions: true },
  ...{ too_many_calls: true, too_many_bytes: true, too_many_failures: true, server_full: true },
  ...{ server_unavailable: true, outcome_unknown: true, server_error: true, shutting_down: true },
  ...{ forbidden: true, rate_limited: true, policy_unavailable: true },
};

const REASONS: Readonly<Record<CloseReason, true>> = {
  ...{ "client-disconnected": true, "reader-stalled": true, deleted: true, "server-closed": true },
  ...{ "closed-by-application": true, revoked: true, "shutting-down": true },
  ...{ "credential-expired": true, "grace-expired": true, "buffer-overflow": true },
  ...{ "client-lost": true, "never-initialized": true, idle: true, "lifetime-reached": true },
  ...{ "made-room": true, moved: true, superseded: true, "failed-to-open": true },
};

const LIMITS: Readonly<Record<LimitName, true>> = {
  ...{ maxSessions: true, maxSessionsPerPrincipal: true, maxUninitialized: true },
  ...{ initTimeoutMs: true, idleMs: true, streamlessIdleMs: true, lifetimeMs: true },
  ...{ stallMs: true, maxQueuedBytes: true, maxBufferedBytes: true, maxHeldBytes: true },
  ...{ maxHeldBytesPerPrincipal: true, bodyTimeoutMs: true, maxMessageSize: true },
  ...{ maxHeaderSize: true, maxInFlight: true, maxCallsPerPrincipal: true },
  ...{ maxSubscriptionsPerPrincipal: true, throttle: true },
};

it("FACT-11: a request that is refused is a fact, whatever its code", async () => {
  const facts = new HeardFacts(["refusal"]);
  const codes = Object.keys(CODES) as ErrorCode[];
  const left = [...codes];
  const { sseUrl } = await serveMcp({
    createServer: () => {
      throw new McpSseError(left.shift() ?? "server_error", "Refused.");
    },
  });
  while (left.length > 0) await send(sseUrl, { headers: asCaller() });
  expect(facts.all("refusal").map(({ code }) => code)).toEqual(codes);
});

it("FACT-11: a session that ends is a fact, and so is a limit that is reached, whichever it is", async () => {
  const facts = new HeardFacts(["session", "limit"]);
  const { sseUrl, router } = await serveMcp({ sessions: { maxSessionsPerPrincipal: 0 } });
  const sessions = router.sessions as unknown as {
    get(id: string): { end(reason: CloseReason): void };
    noteLimit(fact: LimitReached<undefined>): void;
  };
  const reasons = Object.keys(REASONS) as CloseReason[];
  for (const reason of reasons) {
    const { postUrl } = await openSession(sseUrl, asCaller());
    sessions.get(new URL(postUrl).searchParams.get("sessionId") ?? "").end(reason);
  }
  const closed = facts.all("session").filter(({ event }) => event === "closed");
  expect(closed.map(({ reason }) => reason)).toEqual(reasons);
  const limits = Object.keys(LIMITS) as LimitName[];
  for (const limit of limits) sessions.noteLimit({ limit, outcome: "refused" });
  expect(facts.all("limit").map(({ limit }) => limit)).toEqual(limits);
});
