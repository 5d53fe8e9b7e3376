import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { diag } from "@opentelemetry/api";
import type { FactName, Facts, PublishedFact } from "../observe/facts.js";

/** Hears of the facts of all routers of the process, until it is stopped. */
export class FactListeners {
  readonly #ends: (() => void)[] = [];

  /**
   * Calls `listener` for each fact of a name. What it throws, since a provider does, is told to OpenTelemetry's own
   * log: on a channel it would end the process.
   */
  on<K extends FactName>(name: K, listener: (fact: Facts[K], router: string) => void): void {
    const hear = (message: unknown): void => {
      const { fact, router } = message as PublishedFact<K>;
      attempt(() => listener(fact, router));
    };
    subscribe(`express-mcp-sse:${name}`, hear);
    this.onStop(() => void unsubscribe(`express-mcp-sse:${name}`, hear));
  }

  /** Has something undone when this is stopped, after whatever was asked for later. */
  onStop(undo: () => void): void {
    this.#ends.push(undo);
  }

  stop(): void {
    for (const end of this.#ends.splice(0).reverse()) attempt(end);
  }
}

function attempt(what: () => void): void {
  try {
    what();
  } catch (error) {
    diag.error("express-mcp-sse/otel: something could not be recorded", error);
  }
}
