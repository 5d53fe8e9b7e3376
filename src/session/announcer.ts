import { EventEmitter } from "node:events";

/** Listeners of the application's, each of which hears of a fact whatever the others do. */
export class Announcer<Events extends object> {
  readonly #events = new EventEmitter();
  readonly #failed: (error: unknown) => void;

  /** @param failed hears what a listener threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  on<K extends keyof Events>(event: K, listener: ListenerOf<Events, K>): void {
    this.#events.on(event as string, listener);
  }

  off<K extends keyof Events>(event: K, listener: ListenerOf<Events, K>): void {
    this.#events.off(event as string, listener);
  }

  announce<K extends keyof Events>(event: K, ...args: ArgumentsOf<Events, K>): void {
    // One at a time, since emit() stops at the first that throws.
    for (const listener of this.#events.listeners(event as string)) {
      try {
        (listener as ListenerOf<Events, K>)(...args);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}

type ArgumentsOf<Events, K extends keyof Events> = Events[K] extends unknown[] ? Events[K] : never;

type ListenerOf<Events, K extends keyof Events> = (...args: ArgumentsOf<Events, K>) => void;
