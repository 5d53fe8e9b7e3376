import { trace } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";
import { instrument } from "express-mcp-sse/otel";

// Prometheus reads http://127.0.0.1:9464/metrics. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT, by default to this machine.
const reader = new PrometheusExporter({
  host: "127.0.0.1",
  port: Number(process.env.METRICS_PORT ?? 9464),
});
const meterProvider = new MeterProvider({ readers: [reader] });
const spanProcessors = [new BatchSpanProcessor(new OTLPTraceExporter())];
const tracerProvider = new NodeTracerProvider({ spanProcessors });
tracerProvider.register();
const instrumentation = instrument({ meterProvider, tracerProvider });

const mcp = createMcpRouter({
  auth: { type: "apikey", options: { keys: [{ id: "reporting", key: process.env.API_KEY_1! }] } },
  createServer() {
    const server = new McpServer({ name: "otel", version: "1.0.0" });
    server.registerTool("report", { description: "Looks something up" }, async () => {
      // Libraries that are instrumented, such as one for a database, make spans like this one.
      const rows = await trace.getTracer("shop").startActiveSpan("SELECT orders", async (span) => {
        await Promise.resolve();
        span.end();
        return 3;
      });
      return { content: [{ type: "text", text: `${rows} orders` }] };
    });
    return server;
  },
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", async () => {
  await mcp.close();
  listener.close();
  // After the last session: what it leaves is exported, too.
  instrumentation.stop();
  await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
});
