import type { Taking } from "../wire/event-stream.js";
import type { JsonRpcId, JsonRpcMessage } from "../wire/message-body.js";

/** The client's requests that have no answer yet. */
export class OpenCalls {
  /** One that waits. Most clients wait for one at a time, and most sessions for none. */
  #one: JsonRpcId | undefined;
  /** How often each other id waits: once, unless the client uses it twice. */
  #others: Map<JsonRpcId, number> | undefined;
  #load = 0;
  #idleListeners: (() => void)[] = [];

  /** How many ids wait for an answer. */
  get size(): number {
    const others = this.#others?.size ?? 0;
    const isApart = this.#one !== undefined && this.#others?.has(this.#one) !== true;
    return isApart ? others + 1 : others;
  }

  /** How many requests have no answer, those included that share an id, which they must not. */
  get load(): number {
    return this.#load;
  }

  /** Notes what the client sent: a request, or that it does not want an answer any more. */
  noteReceived(message: JsonRpcMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) {
      this.#add(message.id);
    } else if (message.method === "notifications/cancelled") {
      // A cancelled request gets no answer. @see MCP 2024-11-05, basic/utilities/cancellation
      this.settle(message.params?.["requestId"] as JsonRpcId);
    }
  }

  /** A call is answered once its answer was taken, not before: a polite end waits for that. */
  noteSent(message: JsonRpcMessage, taking: Taking): void {
    if ("method" in message || message.id === undefined) return;
    const { id } = message;
    if (taking === undefined) {
      this.settle(id);
      return;
    }
    const settle = (): void => this.settle(id);
    taking.then(settle, settle);
  }

  settle(id: JsonRpcId): void {
    if (!this.#take(id)) return;
    this.#load--;
    if (this.#load === 0) this.clear();
  }

  /** Nothing is left to answer, or nobody to answer to. */
  clear(): void {
    this.#one = undefined;
    this.#others = undefined;
    this.#load = 0;
    this.#announceIdle();
  }

  /** Resolves when nothing is left to answer. */
  whenIdle(): Promise<void> {
    if (this.#load === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  #add(id: JsonRpcId): void {
    this.#load++;
    if (this.#one === undefined) {
      this.#one = id;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(id, (this.#others.get(id) ?? 0) + 1);
  }

  /** @returns whether it was there. */
  #take(id: JsonRpcId): boolean {
    if (this.#one !== undefined && id === this.#one) {
      this.#one = undefined;
      return true;
    }
    const count = this.#others?.get(id);
    if (count === undefined) return false;
    if (count > 1) this.#others?.set(id, count - 1);
    else this.#others?.delete(id);
    return true;
  }

  #announceIdle(): void {
    if (this.#idleListeners.length === 0) return;
    for (const resolve of this.#idleListeners.splice(0)) resolve();
  }
}
