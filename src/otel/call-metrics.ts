import type { Attributes, Meter } from "@opentelemetry/api";
import type { CallTarget } from "../observe/facts.js";
import {
  fewStatusCode,
  methodName,
  outcomeAttributes,
  targetAttributes,
  wireAttributes,
} from "./attributes.js";
import { DURATION_BUCKETS } from "./buckets.js";
import type { FactListeners } from "./fact-listeners.js";
import { FewValues, OTHER } from "./few-values.js";
import { OpenRequests } from "./open-requests.js";

/** How long requests of clients take, by method, tool and outcome; how many are on their way. */
export function measureCalls(meter: Meter, facts: FactListeners): void {
  const duration = meter.createHistogram("mcp.server.operation.duration", {
    description: "Time from when a request was received until its answer was sent.",
    unit: "s",
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  const inFlight = meter.createUpDownCounter("express_mcp_sse.calls.in_flight", {
    description: "Requests of clients that have no answer yet.",
    unit: "{call}",
  });
  const oldest = meter.createObservableGauge("express_mcp_sse.calls.oldest", {
    description: "How long the oldest request has had no answer.",
    unit: "s",
  });
  const names = new FewValues();
  const nameOf = ({ name, isKnown }: CallTarget): string => (isKnown ? names.of(name) : OTHER);
  const open = new OpenRequests<Attributes>((wire) => inFlight.add(-1, wire));

  facts.on("call-started", (call, router) => {
    const wire = wireAttributes(router, call.session);
    open.add(call, wire);
    inFlight.add(1, wire);
  });
  facts.on("call-ended", ({ call, outcome, rpcCode, durationMs }, router) => {
    const wire = open.take(call);
    if (wire !== undefined) inFlight.add(-1, wire);
    duration.record(durationMs / 1000, {
      "mcp.method.name": methodName(call.method),
      ...targetAttributes(call.target, nameOf),
      ...outcomeAttributes(outcome, fewStatusCode(rpcCode)),
      ...(wire ?? wireAttributes(router, call.session)),
    });
  });
  facts.on("session", ({ event, session }) => {
    if (event === "closed") open.endSession(session.id);
  });
  const observe: Parameters<typeof oldest.addCallback>[0] = (result) =>
    result.observe(open.oldestAt === undefined ? 0 : (performance.now() - open.oldestAt) / 1000);
  oldest.addCallback(observe);
  facts.onStop(() => oldest.removeCallback(observe));
  facts.onStop(() => open.clear());
}
