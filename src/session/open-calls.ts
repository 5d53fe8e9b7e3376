import type { Taking } from "../wire/event-stream.js";
import type { JsonRpcId, JsonRpcMessage } from "../wire/message-body.js";

/** The client's requests that have no answer yet. */
export class OpenCalls {
  /**
   * How often each id waits for an answer: once, unless the client uses it twice. There is none
   * while nothing waits, since most sessions are idle, and there are many of them.
   */
  #ids: Map<JsonRpcId, number> | undefined;
  #load = 0;
  #idleListeners: (() => void)[] = [];

  get size(): number {
    return this.#ids?.size ?? 0;
  }

  /** How many requests have no answer, those included that share an id, which they must not. */
  get load(): number {
    return this.#load;
  }

  /** Notes what the client sent: a request, or that it does not want an answer any more. */
  noteReceived(message: JsonRpcMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) {
      this.#ids ??= new Map();
      this.#ids.set(message.id, (this.#ids.get(message.id) ?? 0) + 1);
      this.#load++;
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
    const ids = this.#ids;
    const count = ids?.get(id);
    if (ids === undefined || count === undefined) return;
    this.#load--;
    if (count > 1) ids.set(id, count - 1);
    else ids.delete(id);
    if (ids.size === 0) this.clear();
  }

  /** Nothing is left to answer, or nobody to answer to. */
  clear(): void {
    this.#ids = undefined;
    this.#load = 0;
    this.#announceIdle();
  }

  /** Resolves when nothing is left to answer. */
  whenIdle(): Promise<void> {
    if (this.#ids === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  #announceIdle(): void {
    if (this.#idleListeners.length === 0) return;
    for (const resolve of this.#idleListeners.splice(0)) resolve();
  }
}
