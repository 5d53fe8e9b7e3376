import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import type { FactName, Facts, PublishedFact } from "../../src/observe/facts.js";
import { onDispose } from "./clean-up.js";
import { observe } from "./leak-watch.js";

/** Of each fact that there is one: a name that is missing here, or too many, does not compile. */
const NAMES: Readonly<Record<FactName, true>> = {
  caller: true,
  refusal: true,
  session: true,
  "call-started": true,
  "call-ended": true,
  "client-request-started": true,
  "client-request-ended": true,
  limit: true,
  denied: true,
  revoked: true,
  "sign-in": true,
  upstream: true,
  cluster: true,
};

/** The names of all facts that there are. */
export const FACT_NAMES = Object.keys(NAMES) as readonly FactName[];

/** Everything that routers tell on `node:diagnostics_channel`, as a tool that watches a process hears it. */
export class HeardFacts {
  readonly #heard: { readonly name: FactName; readonly published: PublishedFact }[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  constructor(names: readonly FactName[] = FACT_NAMES) {
    for (const name of names) {
      const listener = (published: unknown): void => {
        this.#heard.push({ name, published: published as PublishedFact });
        this.#events.emit("fact");
      };
      subscribe(`express-mcp-sse:${name}`, listener);
      onDispose(() => void unsubscribe(`express-mcp-sse:${name}`, listener));
    }
    observe(() => this.toText());
  }

  /** All of a name, in their order. @param router default: of all. */
  all<K extends FactName>(name: K, router?: string): readonly Facts[K][] {
    return this.#heard
      .filter(
        (one) => one.name === name && (router ?? one.published.router) === one.published.router,
      )
      .map(({ published }) => published.fact as Facts[K]);
  }

  /** The first of a name of which something is true, as soon as there is one. */
  async first<K extends FactName>(
    name: K,
    isMeant: (fact: Facts[K]) => boolean = () => true,
  ): Promise<Facts[K]> {
    for (;;) {
      const found = this.all(name).find(isMeant);
      if (found !== undefined) return found;
      await once(this.#events, "fact");
    }
  }

  /** All of it, as a tool would write it down. */
  toText(): string {
    return this.#heard.map((one) => JSON.stringify(one)).join("\n");
  }
}
