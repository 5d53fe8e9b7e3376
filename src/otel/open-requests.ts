import type { JsonRpcId } from "../shared/json-rpc.js";
import type { FactListeners } from "./fact-listeners.js";

/** By what a request is told from others, also from one of the same id before it. */
export interface RequestKey {
  readonly session: { readonly id: string };
  readonly id: JsonRpcId;
  readonly startedAt: number;
}

interface Entry<T> {
  readonly startedAt: number;
  readonly value: T;
}

/** Far more than one process has at a time; a bound for what never ends. */
const MAX_OPEN = 50_000;

/** Those of which facts tell: they are lost when their session is closed, too, and when nobody listens any more. */
export function followRequests<T>(
  facts: FactListeners,
  lose: (value: T) => void = () => undefined,
): OpenRequests<T> {
  const open = new OpenRequests<T>(lose);
  facts.on("session", ({ event, session }) => {
    if (event === "closed") open.endSession(session.id);
  });
  facts.onStop(() => open.clear());
  return open;
}

/**
 * What belongs to each request that has no answer yet. Nothing stays for good: a request is lost when its session
 * ends, when its id is used again, and when it is the oldest of too many.
 */
export class OpenRequests<T> {
  readonly #sessions = new Map<string, Map<JsonRpcId, Entry<T>>>();
  readonly #lose: (value: T) => void;
  readonly #limit: number;
  #size = 0;

  /** @param lose is given what belongs to a request that is lost. */
  constructor(lose: (value: T) => void, limit = MAX_OPEN) {
    this.#lose = lose;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** When the first of those began that are open; `undefined` if none is. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const requests of this.#sessions.values()) {
      const [first] = requests.values();
      if (first !== undefined && !(first.startedAt >= (oldest ?? Infinity)))
        oldest = first.startedAt;
    }
    return oldest;
  }

  /** What belongs to all that are open. */
  *values(): IterableIterator<T> {
    for (const requests of this.#sessions.values()) {
      for (const { value } of requests.values()) yield value;
    }
  }

  add({ session, id, startedAt }: RequestKey, value: T): void {
    this.#drop(session.id, id);
    let requests = this.#sessions.get(session.id);
    if (requests === undefined) {
      requests = new Map<JsonRpcId, Entry<T>>();
      this.#sessions.set(session.id, requests);
    }
    requests.set(id, { startedAt, value });
    if (++this.#size > this.#limit) this.#dropFirst();
  }

  /** @returns what belongs to a request that has ended; `undefined` if it is not known. */
  take({ session, id, startedAt }: RequestKey): T | undefined {
    const entry = this.#sessions.get(session.id)?.get(id);
    if (entry?.startedAt !== startedAt) return undefined;
    this.#delete(session.id, id);
    return entry.value;
  }

  endSession(sessionId: string): void {
    for (const id of [...(this.#sessions.get(sessionId)?.keys() ?? [])]) this.#drop(sessionId, id);
  }

  clear(): void {
    for (const id of [...this.#sessions.keys()]) this.endSession(id);
  }

  #dropFirst(): void {
    const [first] = this.#sessions;
    const [id] = first?.[1].keys() ?? [];
    if (first !== undefined && id !== undefined) this.#drop(first[0], id);
  }

  #drop(sessionId: string, id: JsonRpcId): void {
    const entry = this.#sessions.get(sessionId)?.get(id);
    if (entry === undefined) return;
    this.#delete(sessionId, id);
    this.#lose(entry.value);
  }

  #delete(sessionId: string, id: JsonRpcId): void {
    const requests = this.#sessions.get(sessionId);
    if (requests?.delete(id) !== true) return;
    this.#size--;
    if (requests.size === 0) this.#sessions.delete(sessionId);
  }
}
