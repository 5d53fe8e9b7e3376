import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import type { RequestHandler } from "express";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { begin } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";
import { serveTraced, WIRES } from "../kit/traced.js";
import type { Wire } from "../kit/traced.js";

cleanUpAfterEach();

const TRACE = "a".repeat(32);
const META = { traceparent: `00-${TRACE}-${"1".repeat(16)}-01`, baggage: "tenant=acme" };

const [SSE_V1, SSE_V2, STREAMABLE_V1, STREAMABLE_V2, MODERN] = WIRES as [
  Wire,
  Wire,
  Wire,
  Wire,
  Wire,
];

const parentOf = ({ parentSpanContext }: ReadableSpan) => parentSpanContext?.spanId;
const idOf = (span: ReadableSpan) => span.spanContext().spanId;

/** What an instrumented HTTP server does for each of its requests. */
const traceHttp: RequestHandler = (req, res, next) => {
  const span = trace.getTracer("http").startSpan(req.method, { kind: SpanKind.SERVER });
  res.once("close", () => span.end());
  context.with(trace.setSpan(context.active(), span), next);
};

describe.each(WIRES)("over $name", (wire) => {
  const overHttp = {
    "network.transport": "tcp",
    "network.protocol.name": "http",
    "express_mcp_sse.router": "mcp",
    "express_mcp_sse.transport": wire.era === "2024" ? "sse" : "streamable",
    "express_mcp_sse.era": wire.era,
    "mcp.protocol.version": wire.era === "2026" ? "2026-07-28" : "2025-11-25",
  };

  it("FACT-31, FACT-33, FACT-61: a call is one span below the client's, in which its tool and all that this does run", async () => {
    const { spans } = await observeTelemetry();
    const { client, router } = await serveTraced(wire);
    await client.callTool({ name: "work", arguments: {} });
    const result = await client.callTool({ name: "work", arguments: {}, _meta: META });

    expect(result).toMatchObject({ content: [{ text: "acme" }] });
    const call = await spans.find(({ kind, parentSpanContext }) => {
      return kind === SpanKind.SERVER && parentSpanContext?.traceId === TRACE;
    });
    const inside = await spans.find(
      (span) => span.name === "query" && parentOf(span) === idOf(call),
    );
    expect(inside.spanContext().traceId).toBe(TRACE);
    expect(call.name).toBe("tools/call work");
    expect(parentOf(call)).toBe("1".repeat(16));
    expect(call.status.code).toBe(SpanStatusCode.UNSET);
    const [session] = router.sessions.list();
    expect(call.attributes).toEqual({
      ...overHttp,
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "work",
      "jsonrpc.request.id": expect.stringMatching(/^\d+$/),
      "client.address": "127.0.0.1",
      ...(wire.era !== "2026" && { "mcp.session.id": session?.id }),
    });
    expect(spans.names.filter((name) => name.startsWith("tools/call"))).toHaveLength(2);
  });

  it("FACT-31: what failed says how, in the words of the conventions", async () => {
    const { spans } = await observeTelemetry();
    const { client } = await serveTraced(wire);
    await client.callTool({ name: "fail", arguments: {} }).catch(() => undefined);
    await client.readResource({ uri: "test://broken?token=x" }).catch(() => undefined);

    const failed = await spans.named("tools/call");
    expect(failed.attributes).toMatchObject({
      "gen_ai.tool.name": "fail",
      "error.type": "tool_error",
    });
    expect(failed.attributes).not.toHaveProperty("rpc.response.status_code");
    expect(failed.status).toEqual({ code: SpanStatusCode.ERROR });

    const read = await spans.named("resources/read");
    const code = read.attributes["rpc.response.status_code"];
    expect(code).toMatch(/^-32\d\d\d$/);
    expect(read.attributes).toMatchObject({
      "mcp.resource.uri": "test://broken",
      "error.type": code,
    });
    expect(read.status).toEqual({ code: SpanStatusCode.ERROR });
  });

  it("FACT-32: the span of the HTTP request is linked from a call with a parent of its own, and is the parent of others", async () => {
    const { spans } = await observeTelemetry();
    const { client } = await serveTraced(wire, { configure: (app) => app.use(traceHttp) });
    await client.callTool({ name: "work", arguments: {}, _meta: META });
    await client.getPrompt({ name: "greet", arguments: { name: "x" } });

    const call = await spans.named("tools/call work");
    expect(parentOf(call)).toBe("1".repeat(16));
    const linked = call.links[0]?.context.spanId;
    const http = await spans.find((span) => span.name === "POST" && idOf(span) === linked);
    expect(http.spanContext().traceId).not.toBe(TRACE);

    const prompt = await spans.named("prompts/get greet");
    expect(prompt.links).toEqual([]);
    await spans.find((span) => span.name === "POST" && idOf(span) === parentOf(prompt));
  });
});

test.each([SSE_V1, SSE_V2, STREAMABLE_V1, STREAMABLE_V2])(
  "FACT-34: what a server asks its client is a span below the call's, over $name, and the client is told of it, and of no baggage",
  async (wire) => {
    const { spans } = await observeTelemetry();
    const { client, asked } = await serveTraced(wire);
    await client.callTool({ name: "ask", arguments: {}, _meta: META });

    const question = await spans.named("sampling/createMessage");
    const call = await spans.named("tools/call ask");
    expect(question.kind).toBe(SpanKind.CLIENT);
    expect(parentOf(question)).toBe(idOf(call));
    expect(question.attributes).toMatchObject({ "mcp.method.name": "sampling/createMessage" });
    expect(asked).toEqual([
      expect.objectContaining({ traceparent: `00-${TRACE}-${idOf(question)}-01` }),
    ]);
    expect(asked[0]).not.toHaveProperty("baggage");
  },
);

test("FACT-32: without trace context in the message and without a span here, the parent is what HTTP's headers say", async () => {
  const { spans } = await observeTelemetry();
  const { mcpUrl } = await serveTraced(STREAMABLE_V1);
  const conversation = await begin(mcpUrl, { ...asCaller(), traceparent: META.traceparent });
  expect(await conversation.call("work")).toBe("done");
  const call = await spans.find(({ attributes }) => attributes["gen_ai.tool.name"] === "work");
  expect(parentOf(call)).toBe("1".repeat(16));
});

test.each([SSE_V1, STREAMABLE_V2])(
  "FACT-40: a call that its session does not outlive ends its span, over $name",
  async (wire) => {
    const { spans } = await observeTelemetry();
    const { client, stage, router } = await serveTraced(wire);
    const call = client.callTool({ name: "held", arguments: { name: "a" } }).catch(() => undefined);
    await stage.heard("a started");
    const [session] = router.sessions.list();
    router.sessions.close(session!.id);

    const lost = await spans.find(({ attributes }) => attributes["gen_ai.tool.name"] === "held");
    expect(lost.attributes["error.type"]).toBe("lost");
    expect(lost.status.code).toBe(SpanStatusCode.ERROR);
    await client.close();
    await call;
  },
);

test("FACT-37: a span is not named by what a caller made up, and shows 200 characters of it", async () => {
  const { spans } = await observeTelemetry();
  const { client } = await serveTraced(SSE_V1);
  const name = "made up ".repeat(1_000);
  await client.callTool({ name, arguments: {} }).catch(() => undefined);
  const span = await spans.find(({ attributes }) => "gen_ai.tool.name" in attributes);
  expect(span.name).toBe("tools/call");
  expect(span.attributes["gen_ai.tool.name"]).toHaveLength(201);
});

test("FACT-39: once stopped, the spans of open calls have ended, and there are no others", async () => {
  const { spans, instrumentation } = await observeTelemetry();
  const { client, stage } = await serveTraced(MODERN);
  const call = client.callTool({ name: "held", arguments: { name: "a" } });
  await stage.heard("a started");
  instrumentation.stop();

  const open = await spans.find(({ attributes }) => attributes["gen_ai.tool.name"] === "held");
  expect(open.ended).toBe(true);
  const before = spans.names.length;
  stage.tell("a released");
  await call;
  await client.callTool({ name: "echo", arguments: { text: "a" } });
  expect(spans.names).toHaveLength(before);
  expect(propagation.fields()).toContain("traceparent");
});
