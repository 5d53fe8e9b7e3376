import type { WriteResult } from "./write-result.js";
import type { ResultFilter } from "../policy/policy.js";
import type { JsonRpcId, JsonRpcMessage, JsonRpcNotification } from "../shared/json-rpc.js";
import type { HeldCall } from "./held-call.js";
import type { CallEnd } from "./watched-call.js";

/** The client's requests that have no answer yet. */
export class PendingCalls {
  /** One that waits. Most clients wait for one at a time, and most sessions for none. */
  #one: HeldCall | undefined;
  /** The others by their ids, each with those that share it. */
  #others: Map<JsonRpcId, HeldCall> | undefined;
  /** What becomes of the results that only a part is passed on of, by the ids of their calls. */
  #filters: Map<JsonRpcId, ResultFilter> | undefined;
  #load = 0;
  #idleListeners: (() => void)[] = [];

  /** How many ids wait for an answer. */
  get size(): number {
    const others = this.#others?.size ?? 0;
    const isApart = this.#one !== undefined && this.#others?.has(this.#one.id) !== true;
    return isApart ? others + 1 : others;
  }

  /** How many requests have no answer, those included that share an id, which they must not. */
  get load(): number {
    return this.#load;
  }

  /** The ids of the calls that have no answer. */
  get ids(): readonly JsonRpcId[] {
    const others = this.#others?.keys() ?? [];
    return [...new Set([...(this.#one === undefined ? [] : [this.#one.id]), ...others])];
  }

  /**
   * Whether a message cancels a call whose answer is filtered.
   *
   * Security decision: a filter lasts until its answer has come. Nobody can say when that is of a call that
   * was cancelled, and its id may be used again meanwhile: so that call goes on.
   */
  mustBeAnswered(message: JsonRpcMessage): boolean {
    if (this.#filters === undefined) return false;
    return isCancellation(message) && this.#filters.has(cancelledBy(message));
  }

  /** How the result of a message of the server is filtered; `undefined` where it is passed on as it is. */
  filterOf(message: JsonRpcMessage): ResultFilter | undefined {
    return "id" in message && message.id !== undefined ? this.#filters?.get(message.id) : undefined;
  }

  /** Notes what the client sent: a request, or that it does not want an answer any more. */
  noteReceived(message: JsonRpcMessage, call: HeldCall | undefined, filter?: ResultFilter): void {
    if (call !== undefined) {
      this.#add(call);
      if (filter !== undefined) this.#addFilter(call.id, filter);
    } else if (isCancellation(message)) this.settle(cancelledBy(message));
  }

  /** A call was not taken in the end. */
  drop(call: HeldCall): void {
    call.letGo();
    this.settle(call.id, "failed");
  }

  /**
   * A call is answered once its answer was taken, not before: a polite end waits for that.
   *
   * @param bytes what is held of the answer.
   */
  noteSent(message: JsonRpcMessage, result: WriteResult, bytes: number): void {
    if ("method" in message || message.id === undefined) return;
    const { id } = message;
    const call = this.#find(id);
    call?.watched?.end(message);
    call?.answered(bytes);
    if (result === undefined) {
      this.settle(id);
      return;
    }
    const settle = (): void => this.settle(id);
    result.then(settle, settle);
  }

  /** Whoever was to answer a request will not do it, or has done it. @param how unless it was answered. */
  settle(id: JsonRpcId, how: CallEnd = "cancelled"): void {
    const call = this.#take(id);
    if (call === undefined) return;
    call.watched?.end(how);
    call.abandon();
    this.#load--;
    if (this.#load === 0) this.#announceIdle();
  }

  /** Nobody is left to answer to. @param how the calls end that were not answered. */
  clear(how: CallEnd): void {
    this.#one?.watched?.end(how);
    this.#one?.abandon();
    for (const first of this.#others?.values() ?? []) {
      for (let call: HeldCall | undefined = first; call !== undefined; call = call.next) {
        call.watched?.end(how);
        call.abandon();
      }
    }
    this.#one = undefined;
    this.#others = undefined;
    this.#filters = undefined;
    this.#load = 0;
    this.#announceIdle();
  }

  /** Resolves when nothing is left to answer. */
  whenIdle(): Promise<void> {
    if (this.#load === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  #add(call: HeldCall): void {
    this.#load++;
    if (this.#one === undefined) {
      this.#one = call;
      return;
    }
    this.#others ??= new Map();
    call.next = this.#others.get(call.id);
    this.#others.set(call.id, call);
  }

  /**
   * Security decision: nobody can tell the answers of calls apart that share an id, which they must not. So
   * each of them has to pass the filters of all.
   */
  #addFilter(id: JsonRpcId, filter: ResultFilter): void {
    const filters = (this.#filters ??= new Map<JsonRpcId, ResultFilter>());
    const other = filters.get(id);
    filters.set(id, other === undefined ? filter : async (result) => filter(await other(result)));
  }

  #find(id: JsonRpcId): HeldCall | undefined {
    return this.#one?.id === id ? this.#one : this.#others?.get(id);
  }

  #take(id: JsonRpcId): HeldCall | undefined {
    const call = this.#find(id);
    if (call === undefined) return undefined;
    if (call === this.#one) this.#one = undefined;
    else if (call.next !== undefined) this.#others?.set(id, call.next);
    else if (this.#others?.size === 1) this.#others = undefined;
    else this.#others?.delete(id);
    if (this.#filters !== undefined && this.#find(id) === undefined) this.#filters.delete(id);
    return call;
  }

  #announceIdle(): void {
    if (this.#idleListeners.length === 0) return;
    for (const resolve of this.#idleListeners.splice(0)) resolve();
  }
}

function isCancellation(message: JsonRpcMessage): message is JsonRpcNotification {
  return "method" in message && message.method === "notifications/cancelled";
}

/** The call that gets no answer. @see MCP 2024-11-05, basic/utilities/cancellation */
function cancelledBy({ params }: JsonRpcNotification): JsonRpcId {
  return params?.["requestId"] as JsonRpcId;
}
