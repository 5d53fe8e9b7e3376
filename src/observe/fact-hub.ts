import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import type { FactName, Facts } from "./facts.js";

/** What subscribers of a channel get, for tools that look at all routers of a process. */
export interface PublishedFact<K extends FactName = FactName> {
  /** By which the router is told from others: see option `name`. */
  readonly router: string;
  readonly fact: Facts[K];
}

type Listener<K extends FactName> = (fact: Facts[K]) => void;

/**
 * Where all facts of a router come together, and from where everybody hears of them: the log, the audit, the monitor, and
 * whoever subscribes to `express-mcp-sse:` and a name on `node:diagnostics_channel`.
 */
export class FactHub {
  readonly #router: string;
  readonly #onListenerError: (error: unknown) => void;
  readonly #listeners = new Map<FactName, Listener<never>[]>();
  readonly #channels = new Map<FactName, Channel<unknown, unknown>>();

  /** @param onListenerError hears of a listener that throws: nothing else comes of it. */
  constructor(router: string, onListenerError: (error: unknown) => void) {
    this.#router = router;
    this.#onListenerError = onListenerError;
  }

  /** Whether anybody hears of such facts. Where it costs something to make one, ask first. */
  has(name: FactName): boolean {
    return this.#listeners.has(name) || this.#channel(name).hasSubscribers;
  }

  /** @returns how to stop listening. */
  on<K extends FactName>(name: K, listener: Listener<K>): () => void {
    const listeners = (this.#listeners.get(name) ?? []) as Listener<K>[];
    this.#listeners.set(name, [...listeners, listener] as Listener<never>[]);
    return () => {
      const left = this.#listeners.get(name)?.filter((other) => other !== listener) ?? [];
      if (left.length === 0) this.#listeners.delete(name);
      else this.#listeners.set(name, left);
    };
  }

  emit<K extends FactName>(name: K, fact: Facts[K]): void {
    for (const listener of (this.#listeners.get(name) ?? []) as Listener<K>[]) {
      try {
        listener(fact);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
    const published = this.#channel(name);
    // Its subscribers' errors are thrown where nobody is harmed, by Node itself.
    if (published.hasSubscribers) published.publish({ router: this.#router, fact });
  }

  #channel(name: FactName): Channel<unknown, unknown> {
    let found = this.#channels.get(name);
    if (found === undefined) {
      found = channel(`express-mcp-sse:${name}`);
      this.#channels.set(name, found);
    }
    return found;
  }
}
