import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { callTool, connect, connectStreamable, statusOf } from "../support/client.js";
import { freePort } from "../support/processes.js";

/** As much of a span as OTLP sends as is looked at here. */
interface Span {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: Span[] }[] }[];
}

// What a collector of OpenTelemetry is, as far as the server can tell.
const spans: Span[] = [];
const collector = createServer((req, res) => {
  void json(req).then((body) => {
    const { resourceSpans } = body as Export;
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((s) => s.spans)));
    res.setHeader("content-type", "application/json").end("{}");
    collector.emit("spans");
  });
}).listen(0, "127.0.0.1");
await once(collector, "listening");
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

const key = randomBytes(24).toString("hex");
const metricsPort = String(await freePort());
Object.assign(process.env, {
  ...{ PORT: "0", API_KEY_1: key, METRICS_PORT: metricsPort },
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${portOf(collector)}`,
});
const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${portOf(listener)}/mcp`;

const headers = { "x-api-key": key };
const clients = [await connect(`${url}/sse`, headers), await connectStreamable(url, headers)];
for (const client of clients) assert.equal(await callTool(client, "report"), "3 orders");
assert.equal(await statusOf(`${url}/sse`), 401);

const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
for (const [what, line] of [
  [
    "calls of the tool",
    /^mcp_server_operation_duration_count\{.*gen_ai_tool_name="report".*\} 1$/m,
  ],
  ["a session of HTTP+SSE", /^express_mcp_sse_sessions\{.*transport="sse".*state="open".*\} 1$/m],
  ["a session of Streamable HTTP", /^express_mcp_sse_sessions\{.*transport="streamable".*\} 1$/m],
  ["a stranger", /^express_mcp_sse_refusals_total\{.*error_type="missing_credential".*\} 1$/m],
] as const) {
  assert.match(metrics, line);
  console.log(`Prometheus reads of ${what}`);
}
assert.ok(!metrics.includes(key));

await Promise.all(clients.map((client) => client.close()));
const ended = once(listener, "close");
process.emit("SIGTERM");
await ended;
while (spans.filter(({ name }) => name === "SELECT orders").length < 2) {
  await once(collector, "spans");
}
for (const query of spans.filter(({ name }) => name === "SELECT orders")) {
  const call = spans.find(({ spanId }) => spanId === query.parentSpanId);
  assert.equal(call?.name, "tools/call report");
}
console.log("the collector got: tools/call report > SELECT orders, over both wires");
collector.close();
collector.closeAllConnections();
