import type { Attributes, Meter } from "@opentelemetry/api";
import type { CallTarget } from "../observe/facts.js";
import { addOutcome, addTarget, addVersion, fewStatusCode, methodName } from "./attributes.js";
import { createDuration } from "./durations.js";
import type { FactListeners } from "./fact-listeners.js";
import { FewValues, OTHER } from "./few-values.js";
import { followRequests } from "./open-requests.js";
import type { OpenRequests } from "./open-requests.js";
import { whenAsked } from "./when-asked.js";
import { Wires } from "./wires.js";

/** How long requests of clients take, by method, tool and outcome; how many are on their way. */
export function measureCalls(meter: Meter, facts: FactListeners): void {
  const duration = createDuration(
    meter,
    "mcp.server.operation.duration",
    "Time from when a request was received until its answer was sent.",
  );
  const names = new FewValues();
  const nameOf = ({ name, isKnown }: CallTarget): string => (isKnown ? names.of(name) : OTHER);
  const wires = new Wires();
  const open = followRequests<Attributes>(facts);

  facts.on("call-started", (call, router) => open.add(call, wires.of(router, call.session)));
  facts.on("call-ended", ({ call, outcome, rpcCode, durationMs }, router) => {
    const attributes = { ...(open.take(call) ?? wires.of(router, call.session)) };
    addVersion(attributes, call.session);
    attributes["mcp.method.name"] = methodName(call.method);
    addTarget(attributes, call.target, nameOf);
    addOutcome(attributes, outcome, fewStatusCode(rpcCode));
    duration.record(durationMs / 1000, attributes);
  });
  observeOpen(meter, facts, { open, wires });
}

/** Counted when somebody asks: what is counted at each call would cost more than all else here. */
function observeOpen(
  meter: Meter,
  facts: FactListeners,
  { open, wires }: { open: OpenRequests<Attributes>; wires: Wires },
): void {
  const inFlight = meter.createObservableUpDownCounter("express_mcp_sse.calls.in_flight", {
    description: "Requests of clients that have no answer yet.",
    unit: "{call}",
  });
  const oldest = meter.createObservableGauge("express_mcp_sse.calls.oldest", {
    description: "How long the oldest request has had no answer.",
    unit: "s",
  });
  whenAsked(meter, facts, [inFlight, oldest], (result) => {
    for (const [wire, count] of wires.tally(open.values())) result.observe(inFlight, count, wire);
    const { oldestAt } = open;
    const ageMs = oldestAt === undefined ? 0 : performance.now() - oldestAt;
    result.observe(oldest, ageMs / 1000);
  });
}
