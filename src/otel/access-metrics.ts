import type { Attributes, Meter } from "@opentelemetry/api";
import { createDuration, QUICK_BUCKETS } from "./durations.js";
import type { FactListeners } from "./fact-listeners.js";
import { FewValues } from "./few-values.js";

/** Sets of scopes that a policy names: an operator writes few, a function of theirs could make many. */
const MAX_SCOPES = 100;

/** Who is let in and who is not, what is denied and limited, and what issuers do. */
export function measureAccess(meter: Meter, facts: FactListeners): void {
  measureCallers(meter, facts);
  measureRefusals(meter, facts);
  measurePolicy(meter, facts);
  measureUpstream(meter, facts);
}

function measureCallers(meter: Meter, facts: FactListeners): void {
  const decisions = meter.createCounter("express_mcp_sse.auth.decisions", {
    description: "Callers that were let in or refused, by method and by what they came for.",
    unit: "{decision}",
  });
  const duration = createDuration(
    meter,
    "express_mcp_sse.auth.duration",
    "How long it took to verify credentials, of those that were not known from before.",
    QUICK_BUCKETS,
  );
  facts.on("caller", ({ outcome, leg, method, code, durationMs }, router) => {
    const attributes: Attributes = {
      "express_mcp_sse.router": router,
      "express_mcp_sse.outcome": outcome,
    };
    if (method !== undefined) attributes["express_mcp_sse.auth.method"] = method;
    if (code !== undefined) attributes["error.type"] = code;
    if (outcome === "verified" || outcome === "refused") {
      duration.record(durationMs / 1000, { ...attributes });
    }
    attributes["express_mcp_sse.leg"] = leg;
    decisions.add(1, attributes);
  });
}

function measureRefusals(meter: Meter, facts: FactListeners): void {
  const refusals = meter.createCounter("express_mcp_sse.refusals", {
    description: "Requests that were refused, for whatever reason.",
    unit: "{request}",
  });
  const limits = meter.createCounter("express_mcp_sse.limits", {
    description: "Limits that were reached, and what came of it.",
    unit: "{event}",
  });
  const readersCut = meter.createCounter("express_mcp_sse.readers.cut", {
    description: "Clients that read too slowly and lost their connection, or their session.",
    unit: "{client}",
  });
  facts.on("refusal", ({ code, status, leg, isOthers }, router) =>
    refusals.add(1, {
      "express_mcp_sse.router": router,
      "express_mcp_sse.leg": leg,
      "express_mcp_sse.others_session": isOthers,
      "error.type": code,
      "http.response.status_code": status,
    }),
  );
  facts.on("limit", ({ limit, outcome }, router) => {
    const attributes = {
      "express_mcp_sse.router": router,
      "express_mcp_sse.limit": limit,
      "express_mcp_sse.outcome": outcome,
    };
    limits.add(1, attributes);
    const isReader = limit === "stallMs" || limit === "maxQueuedBytes";
    if (isReader && (outcome === "ended" || outcome === "detached")) readersCut.add(1, attributes);
  });
}

function measurePolicy(meter: Meter, facts: FactListeners): void {
  const denials = meter.createCounter("express_mcp_sse.policy.denials", {
    description: "What a policy has denied, by kind and by the scopes that are missing.",
    unit: "{denial}",
  });
  const revocations = meter.createCounter("express_mcp_sse.revocations", {
    description: "How often access was withdrawn.",
    unit: "{revocation}",
  });
  const ended = meter.createCounter("express_mcp_sse.revocations.ended", {
    description: "Sessions and requests that ended because access was withdrawn.",
    unit: "{session}",
  });
  const scopes = new FewValues(MAX_SCOPES);
  facts.on("denied", ({ kind, denial }, router) =>
    denials.add(1, {
      "express_mcp_sse.router": router,
      "express_mcp_sse.policy.kind": kind,
      "error.type": denial.code,
      ...(denial.code === "insufficient_scope" && {
        "express_mcp_sse.policy.missing": scopes.of([...denial.missing].sort().join(" ")),
      }),
    }),
  );
  facts.on("revoked", (fact, router) => {
    const attributes = { "express_mcp_sse.router": router, "express_mcp_sse.by": fact.by };
    revocations.add(1, attributes);
    ended.add(fact.ended, attributes);
  });
  const signIns = meter.createCounter("express_mcp_sse.sign_ins", {
    description:
      "Clients that were approved or denied at a sign-in, got tokens, or had them taken back.",
    unit: "{step}",
  });
  facts.on("sign-in", ({ event, method }, router) =>
    signIns.add(1, {
      "express_mcp_sse.router": router,
      "express_mcp_sse.auth.method": method,
      "express_mcp_sse.event": event,
    }),
  );
}

function measureUpstream(meter: Meter, facts: FactListeners): void {
  const duration = createDuration(
    meter,
    "express_mcp_sse.upstream.duration",
    "How long issuers took to answer: for keys, about tokens, with tokens.",
  );
  facts.on("upstream", ({ method, request, outcome, usesStale, durationMs }, router) =>
    duration.record(durationMs / 1000, {
      "express_mcp_sse.router": router,
      "express_mcp_sse.auth.method": method,
      "express_mcp_sse.request": request,
      "express_mcp_sse.outcome": outcome,
      "express_mcp_sse.stale": usesStale,
    }),
  );
}
