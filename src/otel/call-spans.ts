import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { Call, CallEnded, CallTarget, SessionRef } from "../observe/facts.js";
import type { JsonRpcId } from "../shared/json-rpc.js";
import {
  methodName,
  outcomeAttributes,
  shown,
  shownUri,
  statusCode,
  targetAttributes,
  wireAttributes,
} from "./attributes.js";
import type { FactListeners } from "./fact-listeners.js";
import { OpenRequests } from "./open-requests.js";
import { placeOf } from "./trace-parent.js";

/**
 * A span for each request of a client, within which its server handles it, so that what a tool does is below it. It
 * ends with the answer.
 *
 * @see OpenTelemetry, semantic conventions for MCP, "Server"
 */
export function traceCalls(tracer: Tracer, facts: FactListeners): void {
  const open = new OpenRequests<Span>(endLost);

  facts.on("call-started", (call, router) => {
    const { span, parent } = startSpan(tracer, call, router);
    open.add(call, span);
    call.runWithin((handle) => context.with(trace.setSpan(parent, span), handle));
  });
  facts.on("call-ended", ({ call, outcome, rpcCode }, router) => {
    let span = open.take(call);
    // What is denied does not get to a server.
    if (span === undefined && outcome === "denied") {
      ({ span } = startSpan(tracer, call, router, call.startedAt));
    }
    if (span === undefined) return;
    // The first call of a tool may be what makes it known.
    if (isNamed(call)) span.updateName(spanName(call));
    endSpan(span, outcome, rpcCode);
  });
  facts.on("session", ({ event, session }) => {
    if (event === "closed") open.endSession(session.id);
  });
  facts.onStop(() => open.clear());
}

function startSpan(
  tracer: Tracer,
  call: Call,
  router: string,
  startTime?: number,
): { span: Span; parent: Context } {
  const { parent, links } = placeOf(call.trace, context.active());
  const attributes = { ...requestAttributes(call, router), ...ofTarget(call), ...ofClient(call) };
  const span = tracer.startSpan(
    spanName(call),
    { kind: SpanKind.SERVER, attributes, links, ...(startTime !== undefined && { startTime }) },
    parent,
  );
  return { span, parent };
}

/** Of few words: what a caller made up is no name. */
function spanName(call: Call): string {
  const method = methodName(call.method);
  return isNamed(call) ? `${method} ${call.target.name}` : method;
}

function isNamed(call: Call): call is Call & { readonly target: CallTarget } {
  return call.target?.isKnown === true && call.target.kind !== "resource";
}

function ofTarget({ target }: Call): Attributes {
  const uri = target?.kind === "resource" ? shownUri(target.name) : undefined;
  return {
    ...targetAttributes(target, ({ name }) => shown(name)),
    ...(uri !== undefined && { "mcp.resource.uri": uri }),
  };
}

function ofClient({ address }: Call): Attributes {
  return address === undefined ? {} : { "client.address": address };
}

/** What a span says of any request, in whichever direction. */
export function requestAttributes(
  request: { readonly session: SessionRef; readonly id: JsonRpcId; readonly method: string },
  router: string,
): Attributes {
  const { session, id, method } = request;
  return {
    "mcp.method.name": shown(method),
    // A request of 2026-07-28 is part of no session.
    ...(session.era !== "2026" && { "mcp.session.id": session.id }),
    "jsonrpc.request.id": shown(String(id)),
    ...wireAttributes(router, session),
  };
}

/** Ends a span with what came of its request. */
export function endSpan(
  span: Span,
  outcome: CallEnded["outcome"],
  rpcCode: number | undefined,
): void {
  span.setAttributes(outcomeAttributes(outcome, statusCode(rpcCode)));
  if (outcome !== "ok") span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Ends one whose answer nobody will hear of. */
export function endLost(span: Span): void {
  endSpan(span, "lost", undefined);
}
