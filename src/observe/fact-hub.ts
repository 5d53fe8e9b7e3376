import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import type { FactName, Facts, PublishedFact } from "./facts.js";

type Listener<K extends FactName> = (fact: Facts[K]) => void;

/** Those who hear of some facts. */
export interface Audience {
  /** Whether anybody hears of it by now. */
  readonly isHeard: boolean;
}

/** Facts of one name. */
class Lane<K extends FactName> {
  listeners: readonly Listener<K>[] = [];
  /** Kept here, since Node forgets a channel that nobody refers to. */
  readonly channel: Channel<PublishedFact<K>, unknown>;

  constructor(name: K) {
    this.channel = channel(`express-mcp-sse:${name}`);
  }

  get isHeard(): boolean {
    return this.listeners.length > 0 || this.channel.hasSubscribers;
  }
}

type Lanes = { readonly [K in FactName]: Lane<K> };

/**
 * Where all facts of a router come together, and from where everybody hears of them: the log, the audit, the monitor, and
 * whoever subscribes to `express-mcp-sse:` and a name on `node:diagnostics_channel`.
 */
export class FactHub {
  readonly #router: string;
  readonly #onListenerError: (error: unknown) => void;
  readonly #lanes: Lanes = {
    caller: new Lane("caller"),
    refusal: new Lane("refusal"),
    session: new Lane("session"),
    "call-started": new Lane("call-started"),
    "call-ended": new Lane("call-ended"),
    "client-request-started": new Lane("client-request-started"),
    "client-request-ended": new Lane("client-request-ended"),
    limit: new Lane("limit"),
    denied: new Lane("denied"),
    revoked: new Lane("revoked"),
    "sign-in": new Lane("sign-in"),
    upstream: new Lane("upstream"),
    cluster: new Lane("cluster"),
  };

  /** @param onListenerError hears of a listener that throws: nothing else comes of it. */
  constructor(router: string, onListenerError: (error: unknown) => void) {
    this.#router = router;
    this.#onListenerError = onListenerError;
  }

  /** All that there are. */
  get names(): readonly FactName[] {
    return Object.keys(this.#lanes) as readonly FactName[];
  }

  /** Whether anybody hears of such facts. Where it costs something to make one, ask first. */
  has(name: FactName): boolean {
    return this.#lanes[name].isHeard;
  }

  /** Who hears of facts of these names, for those who ask with every message. */
  audienceOf(...names: readonly FactName[]): Audience {
    const lanes: readonly Audience[] = names.map((name) => this.#lanes[name]);
    return {
      get isHeard() {
        for (const lane of lanes) if (lane.isHeard) return true;
        return false;
      },
    };
  }

  /** @returns how to stop listening. */
  on<K extends FactName>(name: K, listener: Listener<K>): () => void {
    const lane: Lane<K> = this.#lanes[name];
    lane.listeners = [...lane.listeners, listener];
    return () => {
      lane.listeners = lane.listeners.filter((other) => other !== listener);
    };
  }

  emit<K extends FactName>(name: K, fact: Facts[K]): void {
    const { listeners, channel }: Lane<K> = this.#lanes[name];
    for (const listener of listeners) this.attempt(() => listener(fact));
    // What a subscriber of a channel throws, Node throws once more where nobody can catch it.
    if (channel.hasSubscribers) channel.publish({ router: this.#router, fact });
  }

  /** Runs what a subscriber wants done, whose mistakes are its own. */
  attempt(subscribed: () => void): void {
    try {
      subscribed();
    } catch (error) {
      this.#onListenerError(error);
    }
  }
}
