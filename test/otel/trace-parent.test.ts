import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import type { Context, SpanContext } from "@opentelemetry/api";
import { AlwaysOffSampler, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { placeOf } from "../../src/otel/trace-parent.js";

const META = `00-${"a".repeat(32)}-${"1".repeat(16)}-01`;
const HTTP = `00-${"b".repeat(32)}-${"2".repeat(16)}-01`;

beforeAll(() => new NodeTracerProvider().register());
afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

const tracer = () => trace.getTracer("test");
const within = (span: ReturnType<typeof beginSpan>): Context => trace.setSpan(ROOT_CONTEXT, span);
const beginSpan = () => tracer().startSpan("http");
const parentOf = (context: Context): SpanContext | undefined => trace.getSpanContext(context);
const sent = (meta?: string, http?: string) => ({
  meta: meta === undefined ? undefined : { traceparent: meta, tracestate: "vendor=1" },
  http: http === undefined ? undefined : { traceparent: http },
});

test("FACT-32: the parent is what the message says, and the span of its HTTP request is linked", () => {
  const ambient = beginSpan();
  const { parent, links } = placeOf(sent(META, HTTP), within(ambient));
  expect(parentOf(parent)).toMatchObject({ traceId: "a".repeat(32), isRemote: true });
  expect(parentOf(parent)?.traceState?.get("vendor")).toBe("1");
  expect(links).toEqual([{ context: ambient.spanContext() }]);
});

test("FACT-32: without that it is the span of the HTTP request, and without one here what HTTP says", () => {
  const ambient = beginSpan();
  const here = placeOf(sent(undefined, HTTP), within(ambient));
  expect([parentOf(here.parent), here.links]).toEqual([ambient.spanContext(), []]);
  const far = placeOf(sent(undefined, HTTP), ROOT_CONTEXT);
  expect([parentOf(far.parent)?.traceId, far.links]).toEqual(["b".repeat(32), []]);
  expect(parentOf(placeOf(sent(), ROOT_CONTEXT).parent)).toBeUndefined();
});

test.each([
  "",
  "00",
  META.toUpperCase(),
  META.replace("a", "g"),
  `${META}-more`,
  META.replaceAll("a", "0"),
  META.repeat(1000),
])("FACT-32: trace context of no form, such as %.40j, is nobody's parent", (made) => {
  const ambient = beginSpan();
  const { parent, links } = placeOf(sent(made, HTTP), within(ambient));
  expect([parentOf(parent), links]).toEqual([ambient.spanContext(), []]);
  expect(parentOf(placeOf(sent(made, made), ROOT_CONTEXT).parent)).toBeUndefined();
});

test("FACT-32: a span that is over is no parent, as that of a connection which another request has made", () => {
  const ambient = beginSpan();
  ambient.end();
  expect(parentOf(placeOf(sent(), within(ambient)).parent)).toBeUndefined();
  expect(placeOf(sent(META), within(ambient)).links).toEqual([]);
});

test("FACT-32: a request that is not sampled stays so", () => {
  const quiet = new NodeTracerProvider({ sampler: new AlwaysOffSampler() });
  const ambient = quiet.getTracer("test").startSpan("http");
  const { parent } = placeOf(sent(), within(ambient));
  expect(parentOf(parent)?.traceFlags).toBe(TraceFlags.NONE);
  expect(parentOf(parent)?.spanId).toBe(ambient.spanContext().spanId);
});

test("FACT-32: what the application keeps in its context, and baggage that comes with a parent, stays", () => {
  const mine = Symbol("mine");
  const { parent } = placeOf(
    { meta: { traceparent: META, baggage: "tenant=a" }, http: undefined },
    ROOT_CONTEXT.setValue(mine, 1),
  );
  expect(parent.getValue(mine)).toBe(1);
  expect(propagation.getBaggage(parent)?.getEntry("tenant")?.value).toBe("a");
});
