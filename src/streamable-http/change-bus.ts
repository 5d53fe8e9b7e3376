import { AsyncLocalStorage } from "node:async_hooks";
import { ownerKey } from "../auth/principal.js";
import type { ServerEvent, StreamableOptions } from "../options/streamable-options.js";
import type { Logger } from "../shared/logger.js";
import type { ExchangeSession } from "./exchange-channel.js";
import { filterOf } from "./listen.js";
import type { ListenFilter } from "./listen.js";
import type { Notifier, NotifyTo } from "./notifier.js";

/** SDK v2's `ServerEventBus`. */
export interface ServerEventBus {
  publish(event: ServerEvent): void;
  subscribe(listener: (event: ServerEvent) => void): () => void;
}

export interface ChangeBusInit {
  /** Default: everybody may hear everything. */
  readonly mayHear: StreamableOptions["mayHear"];
  readonly logger: Logger;
}

/** A subscription, from when the SDK listens until it does not any more. */
interface ListenCall {
  readonly session: ExchangeSession;
  readonly filter: ListenFilter;
}

/**
 * What tells subscribers of 2026-07-28 that something has changed. The SDK's own tells everybody of
 * everything, and queues without end for those who do not read.
 */
export class ChangeBus implements ServerEventBus {
  readonly #init: ChangeBusInit;
  readonly #subscribers = new Set<Subscriber>();
  /** For whom the SDK subscribes: it does so in the course of the request, and does not say for whom. */
  readonly #calls = new AsyncLocalStorage<ListenCall>();

  constructor(init: ChangeBusInit) {
    this.#init = init;
  }

  /** Has the SDK answer a request to subscribe. @param params of the request. */
  listenAs<T>(session: ExchangeSession, params: unknown, answer: () => T): T {
    return this.#calls.run({ session, filter: filterOf(params) }, answer);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    const call = this.#calls.getStore();
    if (call === undefined) throw new Error("only requests to the endpoint subscribe");
    const subscriber = new Subscriber(call, listener, this.#init);
    this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
      subscriber.leave();
    };
  }

  publish(event: ServerEvent): void {
    this.tell(event, () => true);
  }

  /** Tells those for whom it is meant, and who may hear of it. */
  tell(event: ServerEvent, isMeantFor: (session: ExchangeSession) => boolean): void {
    for (const subscriber of this.#subscribers) subscriber.take(event, isMeantFor);
  }
}

/**
 * One subscriber, and what it is still to be told. A change that comes twice before it was told is
 * told once: "it has changed" is true of both. So what waits for one that does not read is bounded by
 * what it has asked for.
 */
class Subscriber {
  readonly #call: ListenCall;
  readonly #listener: (event: ServerEvent) => void;
  readonly #init: ChangeBusInit;
  readonly #pending = new Map<string, ServerEvent>();
  #soon: NodeJS.Immediate | undefined;

  constructor(call: ListenCall, listener: (event: ServerEvent) => void, init: ChangeBusInit) {
    this.#call = call;
    this.#listener = listener;
    this.#init = init;
    call.session.channel.onDrained = () => this.#tellSoon();
  }

  take(event: ServerEvent, isMeantFor: (session: ExchangeSession) => boolean): void {
    const { filter, session } = this.#call;
    if (!filter.wants(event) || !this.#ask("notify", () => isMeantFor(session))) return;
    this.#pending.set(event.kind === "resource_updated" ? event.uri : event.kind, event);
    this.#tellSoon();
  }

  leave(): void {
    clearImmediate(this.#soon);
    this.#pending.clear();
  }

  /** Later, so that what the SDK has made of the last ones is on its way before it is looked for room. */
  #tellSoon(): void {
    if (this.#pending.size > 0) this.#soon ??= setImmediate(() => this.#tell());
  }

  #tell(): void {
    this.#soon = undefined;
    const { session } = this.#call;
    // The rest is told when there is room: see onDrained.
    if (session.channel.isBlocked) return;
    const events = [...this.#pending.values()];
    this.#pending.clear();
    for (const event of events) if (this.#mayHear(event)) this.#listener(event);
  }

  #mayHear(event: ServerEvent): boolean {
    const { mayHear } = this.#init;
    if (mayHear === undefined) return true;
    return this.#ask("mayHear", () => mayHear(this.#call.session.principal, event));
  }

  /**
   * Security decision: only `true` lets somebody hear. A promise is none, and neither is a throw:
   * what cannot be decided is not told.
   */
  #ask(what: "notify" | "mayHear", decide: () => boolean): boolean {
    try {
      return (decide() as unknown) === true;
    } catch {
      this.#init.logger.error(`${what}: the application's function threw; nobody was told`);
      return false;
    }
  }
}

/** What applications tell the bus with. */
export function createNotifier(bus: ChangeBus): Notifier {
  const tell = (event: ServerEvent, to: NotifyTo | undefined): void => {
    if (to === undefined) bus.publish(event);
    else if (typeof to === "function") bus.tell(event, ({ principal }) => to(principal));
    else {
      const key = ownerKey(to);
      bus.tell(event, (session) => session.ownerKey === key);
    }
  };
  return {
    toolsChanged: (to) => tell({ kind: "tools_list_changed" }, to),
    promptsChanged: (to) => tell({ kind: "prompts_list_changed" }, to),
    resourcesChanged: (to) => tell({ kind: "resources_list_changed" }, to),
    resourceUpdated: (uri, to) => tell({ kind: "resource_updated", uri }, to),
  };
}
