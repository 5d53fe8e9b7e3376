/**
 * Metrics and traces of all routers of a process, by OpenTelemetry: `instrument`. Needs `@opentelemetry/api`; which
 * SDK and which exporter there are is the application's business.
 *
 * @module express-mcp-sse/otel
 */
import "./find-api.js";

export { instrument } from "./instrument.js";
export type { Instrumentation, InstrumentOptions } from "./instrument.js";
