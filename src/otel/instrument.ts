import { metrics, trace } from "@opentelemetry/api";
import type { MeterProvider, TracerProvider } from "@opentelemetry/api";
import { checkOptionNames, optionError } from "../shared/check.js";
import { measureAccess } from "./access-metrics.js";
import { measureCalls } from "./call-metrics.js";
import { traceCalls } from "./call-spans.js";
import { traceClientRequests } from "./client-request-spans.js";
import { measureCluster } from "./cluster-metrics.js";
import { FactListeners } from "./fact-listeners.js";
import { measureSessions } from "./session-metrics.js";

/** By which backends tell what comes from here. */
const SCOPE = "express-mcp-sse";

/** What {@link instrument} is to use. */
export interface InstrumentOptions {
  /**
   * Where metrics go; `false` for none. Default: the provider that is registered with `@opentelemetry/api` when
   * `instrument` is called, so register yours before.
   */
  readonly meterProvider?: MeterProvider | false;
  /**
   * Where spans go; `false` for none. Default: the provider that is registered with `@opentelemetry/api`. That spans of
   * tools are children of their calls, and that trace context travels, is up to the context manager and the
   * propagators that are registered there, whichever provider is given here: `NodeSDK` and
   * `NodeTracerProvider.register()` register all of them.
   */
  readonly tracerProvider?: TracerProvider | false;
}

/** What goes on until it is stopped. */
export interface Instrumentation {
  /** Ends every span that is open, takes what is being counted back, and hears of nothing more. */
  stop(): void;
}

/**
 * Measures and traces all routers and servers of this process: those that there are, those to come, and those of
 * another copy of this package. Call it once, before sessions are opened.
 *
 * Nothing that it hears of, or passes on, is a credential, an argument, a result or a caller's name.
 *
 * @throws TypeError for an option that is unknown, or is no provider.
 *
 * @example
 * ```ts
 * import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
 * import { MeterProvider } from "@opentelemetry/sdk-metrics";
 * import { instrument } from "express-mcp-sse/otel";
 *
 * const exporter = new PrometheusExporter({ host: "127.0.0.1", port: 9464 });
 * instrument({ meterProvider: new MeterProvider({ readers: [exporter] }) });
 * ```
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  checkOptions(options);
  const { meterProvider = metrics.getMeterProvider() } = options;
  const { tracerProvider = trace.getTracerProvider() } = options;
  const facts = new FactListeners();
  if (meterProvider !== false) {
    const meter = meterProvider.getMeter(SCOPE);
    for (const measure of [measureCalls, measureSessions, measureAccess, measureCluster]) {
      measure(meter, facts);
    }
  }
  if (tracerProvider !== false) {
    const tracer = tracerProvider.getTracer(SCOPE);
    traceCalls(tracer, facts);
    traceClientRequests(tracer, facts);
  }
  return { stop: () => facts.stop() };
}

/** What a provider has, and where there is one, by the option that it is given to. */
const PROVIDERS = {
  meterProvider: {
    method: "getMeter",
    instead: 'new MeterProvider({ readers: [exporter] }), of "@opentelemetry/sdk-metrics"',
  },
  tracerProvider: {
    method: "getTracer",
    instead:
      'new NodeTracerProvider({ spanProcessors: [processor] }), of "@opentelemetry/sdk-trace-node"',
  },
} as const;

function checkOptions(given: unknown): void {
  checkOptionNames("options", given, Object.keys(PROVIDERS));
  for (const [name, { method, instead }] of Object.entries(PROVIDERS)) {
    const provider = given[name];
    if (provider === undefined || provider === false) continue;
    if (typeof (provider as Record<string, unknown> | null)?.[method] === "function") continue;
    throw optionError(`options.${name}`, "is no provider", `Write ${instead}, or false for none.`);
  }
}
