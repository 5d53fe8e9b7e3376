import { context, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, SpanOptions, Tracer } from "@opentelemetry/api";
import type { Call, CallTarget } from "../observe/facts.js";
import { addTarget, methodName, shown, shownUri } from "./attributes.js";
import type { FactListeners } from "./fact-listeners.js";
import { followRequests } from "./open-requests.js";
import { endLost, endSpan, RequestSpans } from "./request-spans.js";
import { placeOf } from "./trace-parent.js";

/**
 * A span for each request of a client, within which its server handles it, so that what a tool does is below it. It
 * ends with the answer.
 *
 * @see OpenTelemetry, semantic conventions for MCP, "Server"
 */
export function traceCalls(tracer: Tracer, facts: FactListeners): void {
  const open = followRequests(facts, endLost);
  const spans = new RequestSpans();
  const startSpan = (call: Call, router: string, startTime?: number) => {
    const { parent, links } = placeOf(call.trace, context.active());
    const attributes = spans.attributesOf(call, router);
    addCall(attributes, call);
    const options: SpanOptions = { kind: SpanKind.SERVER, attributes, links };
    if (startTime !== undefined) options.startTime = startTime;
    return { span: tracer.startSpan(spanName(call), options, parent), parent };
  };

  facts.on("call-started", (call, router) => {
    const { span, parent } = startSpan(call, router);
    open.add(call, span);
    call.runWithin((handle) => context.with(trace.setSpan(parent, span), handle));
  });
  facts.on("call-ended", ({ call, outcome, rpcCode }, router) => {
    let span = open.take(call);
    // What is denied does not get to a server.
    if (span === undefined && outcome === "denied") {
      ({ span } = startSpan(call, router, call.startedAt));
    }
    if (span === undefined) return;
    // The first call of a tool may be what makes it known.
    if (isNamed(call)) span.updateName(spanName(call));
    endSpan(span, outcome, rpcCode);
  });
}

/** Of few words: what a caller made up is no name. */
function spanName(call: Call): string {
  const method = methodName(call.method);
  return isNamed(call) ? `${method} ${call.target.name}` : method;
}

function isNamed(call: Call): call is Call & { readonly target: CallTarget } {
  return call.target?.isKnown === true && call.target.kind !== "resource";
}

function addCall(attributes: Attributes, { target, address }: Call): void {
  addTarget(attributes, target, ({ name }) => shown(name));
  const uri = target?.kind === "resource" ? shownUri(target.name) : undefined;
  if (uri !== undefined) attributes["mcp.resource.uri"] = uri;
  if (address !== undefined) attributes["client.address"] = address;
}
