import { isSpanContextValid, propagation, trace, TraceFlags } from "@opentelemetry/api";
import type { Context, Link, Span } from "@opentelemetry/api";
import type { Call, TraceContext } from "../observe/facts.js";

/** Where a span belongs. */
export interface Place {
  readonly parent: Context;
  readonly links: Link[];
}

/**
 * Where the span of a call belongs: below what its message says, then below the span of its HTTP request where that
 * has one here, then below what the HTTP request says. In the first case the HTTP request's span is linked.
 *
 * @see OpenTelemetry, semantic conventions for MCP, "Context propagation"
 */
export function placeOf(sent: Call["trace"], active: Context): Place {
  const ambient = withoutEnded(active);
  const around = spanContextIn(ambient);
  const below = extract(ambient, sent.meta);
  if (below !== undefined) return { parent: below, links: around ? [{ context: around }] : [] };
  const parent = around === undefined ? extract(ambient, sent.http) : undefined;
  return { parent: parent ?? ambient, links: [] };
}

/** @returns the context with what was sent; `undefined` if no parent is in that. */
function extract(context: Context, sent: TraceContext | undefined): Context | undefined {
  if (sent === undefined) return undefined;
  const found = propagation.extract(trace.deleteSpan(context), sent);
  return spanContextIn(found) === undefined ? undefined : found;
}

function spanContextIn(context: Context) {
  const found = trace.getSpanContext(context);
  return found !== undefined && isSpanContextValid(found) ? found : undefined;
}

/**
 * What comes over a connection that is older than the request, such as from another node, runs in the context in which
 * the connection was made. Its span is over, and has nothing to do with the call.
 */
function withoutEnded(context: Context): Context {
  const span = trace.getSpan(context);
  return span !== undefined && hasEnded(span) ? trace.deleteSpan(context) : context;
}

/** One that is not sampled never records; one that is, and is of this process, does until it ends. */
function hasEnded(span: Span): boolean {
  const { traceFlags, isRemote } = span.spanContext();
  const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  return isSampled && isRemote !== true && !span.isRecording();
}
