import type { SessionInfo } from "../session/session-info.js";
import type { WatchedCall } from "../session/watched-call.js";
import type { JsonRpcMessage, JsonRpcRequest } from "../shared/json-rpc.js";
import type { Audience, FactHub } from "./fact-hub.js";
import type { Call, CallTarget } from "./facts.js";
import { KnownNames } from "./known-names.js";
import { refOf, whoIs } from "./refs.js";
import { outcomeOf, shorten, shortId, targetIn } from "./request-facts.js";
import { traceContextIn } from "./trace-context.js";
import type { TraceCarrier } from "./trace-context.js";

/** What a request of a client came with, beside its message. */
export interface CallOrigin {
  readonly address?: string | undefined;
  readonly headers?: TraceCarrier | undefined;
}

/** A request that a session has taken. */
export interface TakenCall {
  readonly session: SessionInfo;
  readonly message: JsonRpcMessage;
  readonly call: { watched: WatchedCall | undefined };
  readonly origin: CallOrigin;
}

/** Names of what it tells. */
export const CALL_FACTS = ["call-started", "call-ended"] as const;

type Around = (handle: () => void) => void;

/** Tells of clients' requests: that one begins, and what became of it. */
export class CallTracker {
  readonly #hub: FactHub;
  readonly #audience: Audience;
  readonly #names = new KnownNames();

  constructor(hub: FactHub) {
    this.#hub = hub;
    this.#audience = hub.audienceOf(...CALL_FACTS);
  }

  /** Whether anybody wants to hear of calls. */
  get isHeard(): boolean {
    return this.#audience.isHeard;
  }

  /** Tells of a call, and has its server handle it, as whoever heard of it wants that done. */
  handle({ session, message, call: held, origin }: TakenCall, handle: () => void): void {
    const call = this.#callOf(session, message as JsonRpcRequest, origin);
    held.watched = this.#watch(call);
    this.#start(call, handle);
  }

  /** Tells of a call that its server does not get. */
  deny({ session, message, call: held, origin }: TakenCall): void {
    held.watched = this.#watch(this.#callOf(session, message as JsonRpcRequest, origin));
    held.watched.end("denied");
  }

  #start(call: Call, handle: () => void): void {
    if (!this.#hub.has("call-started")) {
      handle();
      return;
    }
    const arounds: Around[] = [];
    const runWithin = (around: Around): void => void arounds.push(around);
    // The same object for both facts, so that subscribers can tell by it.
    this.#hub.emit("call-started", Object.assign(call, { runWithin }));
    runAll(this.#hub, arounds, handle);
  }

  #callOf(session: SessionInfo, { id, method, params }: JsonRpcRequest, origin: CallOrigin): Call {
    const { _meta: meta } = (params ?? {}) as { readonly _meta?: unknown };
    return {
      session: refOf(session),
      principal: whoIs(session.principal),
      id: shortId(id),
      method: shorten(method),
      target: this.#targetOf(method, params),
      address: origin.address ?? session.address,
      startedAt: performance.now(),
      trace: {
        meta: traceContextIn(Object(meta) as TraceCarrier),
        http: traceContextIn(origin.headers),
      },
    };
  }

  #targetOf(method: string, params: JsonRpcRequest["params"]): CallTarget | undefined {
    const found = targetIn(method, params);
    if (found === undefined) return undefined;
    const { kind, name: whole } = found;
    const name = shorten(whole);
    const names = this.#names;
    return {
      kind,
      name,
      get isKnown() {
        return names.has(kind, name);
      },
    };
  }

  #watch(call: Call): WatchedCall {
    let hasEnded = false;
    return {
      end: (how) => {
        if (hasEnded) return;
        hasEnded = true;
        if (typeof how === "object") this.#names.noteAnswer(call.method, call.target, how);
        if (!this.#hub.has("call-ended")) return;
        const durationMs = performance.now() - call.startedAt;
        this.#hub.emit("call-ended", { call, ...outcomeOf(how), durationMs });
      },
    };
  }
}

/**
 * Has `handle` run once within each of the functions, the first of them outermost. What one of them throws of itself, or
 * that it does not run what it got, harms nobody.
 */
function runAll(hub: FactHub, arounds: readonly Around[], handle: () => void): void {
  let failure: { readonly error: unknown } | undefined;
  const runFrom = (index: number): void => {
    const around = arounds[index];
    if (around === undefined) {
      try {
        handle();
      } catch (error) {
        // Of the server: it is for whoever delivers, and not for those in between.
        failure = { error };
      }
      return;
    }
    let hasRun = false;
    const inner = (): void => {
      if (hasRun) return;
      hasRun = true;
      runFrom(index + 1);
    };
    hub.attempt(() => around(inner));
    inner();
  };
  runFrom(0);
  if (failure !== undefined) throw failure.error;
}
