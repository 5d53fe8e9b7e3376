import { SpanStatusCode } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";
import type { Call, CallEnded } from "../observe/facts.js";
import { addOutcome, addVersion, shown, statusCode } from "./attributes.js";
import { Wires } from "./wires.js";

/** What a span says of any request, in whichever direction. */
export class RequestSpans {
  readonly #wires = new Wires();

  attributesOf(
    { session, id, method }: Pick<Call, "session" | "id" | "method">,
    router: string,
  ): Attributes {
    const attributes: Attributes = { ...this.#wires.of(router, session) };
    addVersion(attributes, session);
    attributes["mcp.method.name"] = shown(method);
    attributes["jsonrpc.request.id"] = shown(String(id));
    // A request of 2026-07-28 is part of no session.
    if (session.era !== "2026") attributes["mcp.session.id"] = session.id;
    return attributes;
  }
}

/** Ends a span with what came of its request. */
export function endSpan(
  span: Span,
  outcome: CallEnded["outcome"],
  rpcCode: number | undefined,
): void {
  if (outcome !== "ok") {
    const attributes: Attributes = {};
    addOutcome(attributes, outcome, statusCode(rpcCode));
    span.setAttributes(attributes).setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Ends one whose answer nobody will hear of. */
export function endLost(span: Span): void {
  endSpan(span, "lost", undefined);
}
