import { randomUUID } from "node:crypto";
import type { JsonRpcId, JsonRpcMessage, JsonRpcRequest } from "../shared/json-rpc.js";

/** A call that the server knows by another id than its client. */
interface Twin {
  readonly id: JsonRpcId;
  /** What its client calls its progress. */
  readonly progressToken: unknown;
}

/**
 * Calls whose id another call of the session has already. Their client tells them apart by the
 * response that each gets; a server of the SDK would answer one in the other's place. So the server
 * gets an id that nobody else knows, which stands for the call's progress, too.
 */
export class CallIds {
  #twins: Map<JsonRpcId, Twin> | undefined;

  /** The same call with an id that no other has. */
  rename(call: JsonRpcRequest): JsonRpcRequest {
    const { params } = call as { params?: { _meta?: { progressToken?: unknown } } };
    const { progressToken } = params?._meta ?? {};
    const id = randomUUID();
    this.#twins ??= new Map();
    this.#twins.set(id, { id: call.id, progressToken });
    if (progressToken === undefined) return { ...call, id };
    const renamed = { ...params, _meta: { ...params?._meta, progressToken: id } };
    return { ...call, id, params: renamed };
  }

  /** The call has its answer, or will have none. */
  forget(id: JsonRpcId): void {
    this.#twins?.delete(id);
    if (this.#twins?.size === 0) this.#twins = undefined;
  }

  /** By which id its client knows a call. */
  atClient(id: JsonRpcId): JsonRpcId {
    return this.#twins?.get(id)?.id ?? id;
  }

  /** A message of the server as the client is to read it. */
  toClient(message: JsonRpcMessage): JsonRpcMessage {
    if (this.#twins === undefined) return message;
    if (!("method" in message)) {
      const twin = message.id === undefined ? undefined : this.#twins.get(message.id);
      return twin === undefined ? message : { ...message, id: twin.id };
    }
    if (message.method !== "notifications/progress") return message;
    const { params } = message;
    const twin = this.#twins.get(params?.["progressToken"] as JsonRpcId);
    if (twin === undefined) return message;
    return { ...message, params: { ...params, progressToken: twin.progressToken } };
  }

  /**
   * A message of the client as the server is to read it.
   *
   * @param inFlight the calls that have no answer, by the server's ids, oldest first. Of those that
   * share an id, the oldest is the one that is cancelled.
   */
  toServer(message: JsonRpcMessage, inFlight: Iterable<JsonRpcId>): JsonRpcMessage {
    if (this.#twins === undefined || !("method" in message)) return message;
    if (message.method !== "notifications/cancelled") return message;
    const wanted = message.params?.["requestId"];
    for (const id of inFlight) {
      if (this.atClient(id) !== wanted) continue;
      return { ...message, params: { ...message.params, requestId: id } };
    }
    return message;
  }
}
