import type { FactHub } from "./fact-hub.js";
import type { FactName, Facts } from "./facts.js";

/** Where somebody can hear of facts. */
export type FactSource = Pick<FactHub, "on">;

interface EarlyListener {
  readonly name: FactName;
  readonly listener: (fact: never) => void;
}

/** What is told while whoever is to hear of it is being loaded. They hear of it once they are there, in its order. */
export class EarlyFacts implements FactSource {
  readonly #hub: FactHub;
  readonly #kept: { readonly name: FactName; readonly fact: Facts[FactName] }[] = [];
  readonly #listeners: EarlyListener[] = [];
  readonly #stops: readonly (() => void)[];

  constructor(hub: FactHub) {
    this.#hub = hub;
    this.#stops = hub.names.map((name) => hub.on(name, (fact) => this.#kept.push({ name, fact })));
  }

  on<K extends FactName>(name: K, listener: (fact: Facts[K]) => void): () => void {
    this.#listeners.push({ name, listener });
    return this.#hub.on(name, listener);
  }

  /** Keeps nothing any more, and tells who is there by now what was. To be called as soon as they are. */
  release(): void {
    for (const stop of this.#stops) stop();
    for (const { name, fact } of this.#kept.splice(0)) {
      for (const early of this.#listeners) {
        if (early.name === name) this.#hub.attempt(() => early.listener(fact as never));
      }
    }
  }
}
