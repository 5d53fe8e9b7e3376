import { EventEmitter, once } from "node:events";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { instrument } from "../../src/otel/index.js";
import type { Instrumentation } from "../../src/otel/index.js";
import { onDispose } from "./clean-up.js";
import { observe } from "./leak-watch.js";
import { listen } from "./listen.js";
import { send } from "./raw-http.js";

/** Keeps what is exported, and says when something is. */
class Spans extends InMemorySpanExporter {
  readonly #exported = new EventEmitter().setMaxListeners(0);

  override export(...[spans, done]: Parameters<InMemorySpanExporter["export"]>): void {
    super.export(spans, (result) => {
      done(result);
      this.#exported.emit("spans");
    });
  }

  /** Resolves with the first span of which this is so, as soon as it has ended. */
  async find(isIt: (span: ReadableSpan) => boolean): Promise<ReadableSpan> {
    for (;;) {
      const found = this.getFinishedSpans().find(isIt);
      if (found !== undefined) return found;
      await once(this.#exported, "spans");
    }
  }

  named(name: string): Promise<ReadableSpan> {
    return this.find((span) => span.name === name);
  }

  /** The names of all that have ended. */
  get names(): readonly string[] {
    return this.getFinishedSpans().map(({ name }) => name);
  }
}

type Labels = Readonly<Record<string, string>>;

/** One series as Prometheus reads it. */
export interface Series {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** OpenTelemetry's own SDK with exporters, and routers that are instrumented. */
export interface Telemetry {
  readonly spans: Spans;
  readonly instrumentation: Instrumentation;
  /** What Prometheus gets, over HTTP. */
  readonly scrape: () => Promise<string>;
  /** The series of a name, of those with these labels. */
  readonly series: (name: string, labels?: Labels) => Promise<readonly Series[]>;
  /** The sum of them. */
  readonly sum: (name: string, labels?: Labels) => Promise<number>;
}

/** Registers the SDK as applications do, and has everything that is exported searched for credentials. */
export async function observeTelemetry(): Promise<Telemetry> {
  const spans = new Spans();
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meters = new MeterProvider({ readers: [exporter] });
  const tracers = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  tracers.register();
  metrics.setGlobalMeterProvider(meters);
  const instrumentation = instrument();
  const { url } = await listen((req, res) => exporter.getMetricsRequestHandler(req, res));
  onDispose(async () => {
    instrumentation.stop();
    for (const api of [trace, context, propagation, metrics]) api.disable();
    await Promise.all([tracers.shutdown(), meters.shutdown()]);
  });
  observe(() => JSON.stringify(spans.getFinishedSpans().map(shownOf)));

  const scrape = async () => {
    const { text } = await send(url);
    observe(() => text);
    return text;
  };
  const series: Telemetry["series"] = async (name, labels = {}) =>
    seriesIn(await scrape()).filter((one) => one.name === name && has(one, labels));
  const sum: Telemetry["sum"] = async (name, labels) =>
    (await series(name, labels)).reduce((total, { value }) => total + value, 0);
  return { spans, instrumentation, scrape, series, sum };
}

/** All that an exporter sends of a span. */
function shownOf({ name, attributes, events, links, status, resource }: ReadableSpan) {
  return { name, attributes, events, links, status, resource: resource.attributes };
}

/** @see Prometheus, exposition formats, "Text-based format" */
export function seriesIn(text: string): readonly Series[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    const named = Object.fromEntries(pairs.map(([, key, text]) => [key!, text!]));
    return { name, labels: named, value: Number(value) };
  });
}

function has({ labels }: Series, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
