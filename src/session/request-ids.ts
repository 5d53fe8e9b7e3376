import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";

type Params = Readonly<Record<string, unknown>> & {
  readonly _meta?: Readonly<Record<string, unknown>>;
};

/**
 * Tells a client the requests of a server apart from those of the server before it, which has counted from
 * the same number. A client may still answer one of those, and its answer must not be taken for another's.
 */
export class RequestIds {
  readonly #prefix: string;

  /** @param life another one for each server that a session has had. */
  constructor(life: string) {
    this.#prefix = `express-mcp-sse-${life}-`;
  }

  /** A message of the server as its client is to read it. */
  toClient(message: JsonRpcMessage): JsonRpcMessage {
    if (!("method" in message)) return message;
    if ("id" in message) {
      return { ...message, id: this.#named(message.id), ...this.#withToken(message.params) };
    }
    const requestId = message.params?.["requestId"];
    if (message.method !== "notifications/cancelled" || requestId === undefined) return message;
    const params = { ...message.params, requestId: this.#named(requestId as JsonRpcId) };
    return { ...message, params };
  }

  /** A message of the client as the server is to read it; `undefined` for what is about another's request. */
  toServer(message: JsonRpcMessage): JsonRpcMessage | undefined {
    if (!("method" in message)) {
      const id = this.#idIn(message.id);
      return id === undefined ? undefined : { ...message, id };
    }
    if (message.method !== "notifications/progress") return message;
    const progressToken = this.#idIn(message.params?.["progressToken"]);
    if (progressToken === undefined) return undefined;
    return { ...message, params: { ...message.params, progressToken } };
  }

  #withToken(params: Params | undefined): { readonly params?: Params } {
    const token = params?._meta?.["progressToken"];
    if (params === undefined || token === undefined) return {};
    const progressToken = this.#named(token as JsonRpcId);
    return { params: { ...params, _meta: { ...params._meta, progressToken } } };
  }

  /** JSON keeps a number apart from the text that looks like it. */
  #named(id: JsonRpcId): string {
    return `${this.#prefix}${JSON.stringify(id)}`;
  }

  #idIn(name: unknown): JsonRpcId | undefined {
    if (typeof name !== "string" || !name.startsWith(this.#prefix)) return undefined;
    try {
      return JSON.parse(name.slice(this.#prefix.length)) as JsonRpcId;
    } catch {
      return undefined;
    }
  }
}
