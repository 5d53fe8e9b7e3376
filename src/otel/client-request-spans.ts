import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import type { Context, Tracer } from "@opentelemetry/api";
import type { ClientRequestStarted } from "../observe/facts.js";
import { methodName } from "./attributes.js";
import type { FactListeners } from "./fact-listeners.js";
import { followRequests } from "./open-requests.js";
import { endLost, endSpan, RequestSpans } from "./request-spans.js";

/**
 * A span for each request of a server to its client, below that of the call in whose course it is made, if there is one.
 *
 * @see OpenTelemetry, semantic conventions for MCP, "Client"
 */
export function traceClientRequests(tracer: Tracer, facts: FactListeners): void {
  const open = followRequests(facts, endLost);
  const spans = new RequestSpans();

  facts.on("client-request-started", (request, router) => {
    const attributes = spans.attributesOf(request, router);
    const span = tracer.startSpan(methodName(request.method), {
      kind: SpanKind.CLIENT,
      attributes,
    });
    open.add(request, span);
    carry(request, trace.setSpan(context.active(), span));
  });
  facts.on("client-request-ended", ({ request, outcome, rpcCode }) => {
    const span = open.take(request);
    if (span !== undefined) endSpan(span, outcome, rpcCode);
  });
}

/**
 * Tells the client where its answer belongs.
 *
 * Security decision: the trace's id goes to the client, and nothing else. Baggage is what the application keeps for its
 * own services.
 */
function carry(request: ClientRequestStarted, within: Context): void {
  const carrier: { traceparent?: string; tracestate?: string } = {};
  propagation.inject(within, carrier);
  const { traceparent, tracestate } = carrier;
  if (traceparent === undefined) return;
  request.carry({ traceparent, ...(tracestate !== undefined && { tracestate }) });
}
