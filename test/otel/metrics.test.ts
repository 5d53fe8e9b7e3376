import { channel } from "node:diagnostics_channel";
import { diag } from "@opentelemetry/api";
import type { Meter, Tracer } from "@opentelemetry/api";
import { instrument } from "../../src/otel/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { FACT_NAMES } from "../kit/heard-facts.js";
import { secret } from "../kit/leak-watch.js";
import { filesLoadedBy } from "../kit/loaded-files.js";
import { send } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";
import { callMadeUpTools, serveTraced, WIRES } from "../kit/traced.js";
import type { Wire } from "../kit/traced.js";

cleanUpAfterEach();

const [SSE_V1, , , , MODERN] = WIRES as [Wire, Wire, Wire, Wire, Wire];

const CALLS = "mcp_server_operation_duration_count";

test("FACT-35, FACT-61: how long calls take is measured by method, tool and outcome, with the bounds of the conventions", async () => {
  const { sum, series } = await observeTelemetry();
  const { client } = await serveTraced(SSE_V1);
  for (const name of ["work", "work", "fail"]) await client.callTool({ name, arguments: {} });
  await client.callTool({ name: "held", arguments: {} }).catch(() => undefined);
  await client.readResource({ uri: "test://doc" });

  expect(await sum(CALLS, { mcp_method_name: "tools/call", gen_ai_tool_name: "work" })).toBe(2);
  expect(await sum(CALLS, { gen_ai_operation_name: "execute_tool" })).toBe(4);
  // A tool that has only failed may be one that was made up.
  expect(await sum(CALLS, { error_type: "tool_error", gen_ai_tool_name: "_OTHER" })).toBe(2);
  const [read] = await series(CALLS, { mcp_method_name: "resources/read" });
  expect(read?.labels).toEqual({
    mcp_method_name: "resources/read",
    mcp_protocol_version: "2025-11-25",
    network_transport: "tcp",
    network_protocol_name: "http",
    express_mcp_sse_router: "mcp",
    express_mcp_sse_transport: "sse",
    express_mcp_sse_era: "2024",
    otel_scope_name: "express-mcp-sse",
  });
  const known = await series("mcp_server_operation_duration_bucket", {
    mcp_method_name: "resources/read",
  });
  expect(known.map(({ labels }) => labels["le"]).join()).toBe(
    "0.01,0.02,0.05,0.1,0.2,0.5,1,2,5,10,30,60,120,300,+Inf",
  );
});

test("FACT-35, FACT-36: sessions are counted by their state and measured when they end; so are calls on their way", async () => {
  const { sum, series } = await observeTelemetry();
  const { client, stage, router } = await serveTraced(SSE_V1);
  const held = client.callTool({ name: "held", arguments: { name: "a" } });
  await stage.heard("a started");

  const state = (name: string) => ({ express_mcp_sse_state: name });
  expect(await sum("express_mcp_sse_sessions", state("open"))).toBe(1);
  expect(await sum("express_mcp_sse_calls_in_flight")).toBe(1);
  expect(await sum("express_mcp_sse_calls_oldest")).toBeGreaterThan(0);
  stage.tell("a released");
  await held;
  expect(await sum("express_mcp_sse_calls_in_flight")).toBe(0);
  expect(await sum("express_mcp_sse_calls_oldest")).toBe(0);

  router.sessions.close(router.sessions.list()[0]!.id);
  expect(await sum("express_mcp_sse_sessions")).toBe(0);
  const [ended] = await series("mcp_server_session_duration_count");
  expect(ended).toMatchObject({
    value: 1,
    labels: { express_mcp_sse_close_reason: "closed-by-application" },
  });
});

test("FACT-36: who is let in, who is refused and which limits are reached are counted, and where somebody else's session is asked for", async () => {
  const { sum } = await observeTelemetry();
  const { mcpUrl, sseUrl } = await serveMcp({ sessions: { maxInFlight: 1 } });
  const alice = await begin(mcpUrl);
  await alice.call("echo", { text: "a" });
  await send(sseUrl);
  await send(sseUrl, { headers: { authorization: "Bearer made-up-credential" } });
  const mallory = { ...alice.headers, ...asCaller({ sub: "mallory" }) };
  expect((await postMessage(mcpUrl, toolCall(9, "echo"), mallory)).status).toBe(404);

  const decisions = "express_mcp_sse_auth_decisions_total";
  expect(await sum(decisions, { express_mcp_sse_outcome: "verified" })).toBeGreaterThan(0);
  const method = { express_mcp_sse_auth_method: "jwt", express_mcp_sse_leg: "message" };
  expect(await sum(decisions, method)).toBeGreaterThan(1);
  expect(await sum(decisions, { error_type: "missing_credential" })).toBe(1);
  expect(await sum("express_mcp_sse_auth_duration_count")).toBeGreaterThan(2);
  const refusals = "express_mcp_sse_refusals_total";
  expect(await sum(refusals, { http_response_status_code: "401" })).toBe(2);
  expect(await sum(refusals, { express_mcp_sse_others_session: "true" })).toBe(1);
  expect(await sum(refusals, { error_type: "session_not_found" })).toBe(1);
});

test("FACT-37: tools that a caller made up are one series", async () => {
  const { sum, series, scrape } = await observeTelemetry();
  const { client, mcpUrl } = await serveTraced(SSE_V1);
  await client.callTool({ name: "echo", arguments: { text: "a" } });
  await callMadeUpTools(await begin(mcpUrl), 200);

  const calls = await series(CALLS, { mcp_method_name: "tools/call" });
  expect(calls.map(({ labels }) => labels["gen_ai_tool_name"]).sort()).toEqual(["_OTHER", "echo"]);
  expect(await sum(CALLS, { gen_ai_tool_name: "_OTHER" })).toBe(200);
  expect((await scrape()).match(/made-up/g)).toBeNull();
});

test.each([SSE_V1, MODERN])(
  "FACT-38: nothing that is exported has a credential, an argument, a result or a caller's name, over $name",
  async (wire) => {
    const { spans, scrape } = await observeTelemetry();
    const hidden = ["an-argument-of-alice", "a-result-of-hers", "secret-of-the-uri"].map(secret);
    const { client, sseUrl } = await serveTraced(wire);
    const [argument, , inUri] = hidden;
    await client.callTool({ name: "echo", arguments: { text: argument } });
    await client.callTool({ name: "fail", arguments: { text: argument } }).catch(() => undefined);
    await client.readResource({ uri: `test://u:${inUri}@doc?x=${inUri}#${inUri}` }).catch(() => 0);
    await send(`${sseUrl}?api_key=${inUri}`, { headers: asCaller({ sub: "x", aud: "no" }) });

    const exported = JSON.stringify(
      spans.getFinishedSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    ); // prettier-ignore
    const all = exported + (await scrape());
    for (const text of [...hidden, "alice", "Bearer", "eyJ"]) expect(all).not.toContain(text);
    expect(all).toContain("tools/call");
  },
);

/** The facts that somebody listens to. */
const heard = () => FACT_NAMES.filter((name) => channel(`express-mcp-sse:${name}`).hasSubscribers);

test("FACT-39: once stopped, nothing listens, what was counted is taken back, and nothing more is", async () => {
  expect(heard()).toEqual([]);
  const { instrumentation, sum } = await observeTelemetry();
  expect(heard()).toEqual(FACT_NAMES);
  const { client, stage } = await serveTraced(SSE_V1);
  const held = client.callTool({ name: "held", arguments: { name: "a" } });
  await stage.heard("a started");
  const before = await sum(CALLS);
  expect(await sum("express_mcp_sse_sessions")).toBe(1);
  instrumentation.stop();
  instrumentation.stop();

  expect(heard()).toEqual([]);
  expect(await sum("express_mcp_sse_sessions")).toBe(0);
  expect(await sum("express_mcp_sse_calls_in_flight")).toBe(0);
  stage.tell("a released");
  await held;
  expect(await sum(CALLS)).toBe(before);
});

test("FACT-41: providers that throw at every turn end nothing and change no answer", async () => {
  const faults: unknown[] = [];
  const note = (_text: string, ...args: unknown[]) => void faults.push(...args);
  diag.setLogger({ error: note, warn: note, info: note, debug: note, verbose: note });
  onDispose(() => diag.disable());
  const broken = () => {
    throw new Error("the provider is broken");
  };
  const instrumentOf = () => ({
    add: broken,
    record: broken,
    addCallback: () => undefined,
    removeCallback: broken,
  });
  const meter = new Proxy({}, { get: () => instrumentOf }) as Meter;
  const tracer = { startSpan: broken, startActiveSpan: broken } as unknown as Tracer;
  const instrumentation = instrument({
    meterProvider: { getMeter: () => meter },
    tracerProvider: { getTracer: () => tracer },
  });
  const { client } = await serveTraced(SSE_V1);
  const answer = await client.callTool({ name: "echo", arguments: { text: "a" } });
  expect(answer).toMatchObject({ content: [{ text: "a" }] });
  instrumentation.stop();
  expect(heard()).toEqual([]);
  expect(new Set(faults.map(String))).toEqual(new Set(["Error: the provider is broken"]));
});

test("an option that there is not, and what is no provider, are a TypeError that says what to write", () => {
  const given = (options: unknown) => () => instrument(options as object);
  const takes = "It takes: meterProvider, tracerProvider.";
  expect(given({ meter: 1 })).toThrow(
    new TypeError(`options.meter is not an option. ${takes} Did you mean "meterProvider"?`),
  );
  expect(given(null)).toThrow(new TypeError(`options must be an object. ${takes}`));
  for (const tracerProvider of [true, null, {}, "otlp"]) {
    expect(given({ tracerProvider })).toThrow(
      new TypeError(
        'options.tracerProvider is no provider. Write new NodeTracerProvider({ spanProcessors: [processor] }), of "@opentelemetry/sdk-trace-node", or false for none.',
      ),
    );
  }
  const nothing = instrument({ meterProvider: false, tracerProvider: false });
  expect(heard()).toEqual([]);
  nothing.stop();
});

test("FACT-30: nothing of the entry, and nothing of OpenTelemetry, is loaded with the package", () => {
  const files = filesLoadedBy(`
    import { createMcpRouter } from "express-mcp-sse";
    createMcpRouter({ auth: false, createServer: () => undefined });`);
  expect(files).toContain("src/observe/fact-hub.ts");
  expect(files.filter((file) => /opentelemetry|^src\/otel/.test(file))).toEqual([]);
});

test("whoever has not installed OpenTelemetry's API is told what to install, before anything of the entry needs it", async () => {
  jest.doMock("@opentelemetry/api", () => {
    const code = "MODULE_NOT_FOUND";
    throw Object.assign(new Error("Cannot find module '@opentelemetry/api'"), { code });
  });
  onDispose(() => jest.dontMock("@opentelemetry/api"));
  await jest.isolateModulesAsync(async () => {
    await expect(import("../../src/otel/index.js")).rejects.toThrow(
      "express-mcp-sse/otel needs the package @opentelemetry/api. Run: npm install @opentelemetry/api",
    );
  });
});
