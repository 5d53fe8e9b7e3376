import type { SessionInfo } from "../session/session-info.js";
import type { JsonRpcId, JsonRpcMessage, JsonRpcRequest } from "../shared/json-rpc.js";
import type { Audience, FactHub } from "./fact-hub.js";
import type { ClientRequestEnded, TraceContext } from "./facts.js";
import { refOf } from "./refs.js";
import { rpcCodeOf, shorten } from "./request-facts.js";

type Request = ClientRequestEnded["request"];
type Outcome = ClientRequestEnded["outcome"];

/** Names of what it tells. */
export const CLIENT_REQUEST_FACTS = ["client-request-started", "client-request-ended"] as const;

/** Tells of what servers ask their clients: for a model, for an answer of a person, for their roots. */
export class ClientRequests {
  readonly #hub: FactHub;
  readonly #audience: Audience;
  /** What has no answer yet. */
  readonly #open = new WeakMap<object, Map<JsonRpcId, Request>>();

  constructor(hub: FactHub) {
    this.#hub = hub;
    this.#audience = hub.audienceOf(...CLIENT_REQUEST_FACTS);
  }

  /** Whether anybody wants to hear of them. */
  get isHeard(): boolean {
    return this.#audience.isHeard;
  }

  /** Notes what a server sends. @returns what is sent in its place. */
  send(session: SessionInfo, message: JsonRpcMessage): JsonRpcMessage {
    if (!("method" in message)) return message;
    if (message.method === "notifications/cancelled") {
      this.#end(session, message.params?.["requestId"], "cancelled");
    }
    return "id" in message ? this.#start(session, message) : message;
  }

  /** Notes what a client sends. */
  receive(session: SessionInfo, message: JsonRpcMessage): void {
    if ("method" in message) return;
    if ("error" in message) this.#end(session, message.id, "error", rpcCodeOf(message));
    else this.#end(session, message.id, "ok");
  }

  /** Nobody will answer any more. */
  sessionEnded(session: SessionInfo): void {
    for (const id of this.#open.get(session)?.keys() ?? []) this.#end(session, id, "lost");
  }

  #start(session: SessionInfo, message: JsonRpcRequest): JsonRpcMessage {
    const { id, method } = message;
    const request = {
      session: refOf(session),
      id,
      method: shorten(method),
      startedAt: performance.now(),
    };
    const open = this.#open.get(session) ?? new Map<JsonRpcId, Request>();
    this.#open.set(session, open.set(id, request));
    if (!this.#hub.has("client-request-started")) return message;
    let sent = message;
    const carry = (trace: TraceContext): void => {
      sent = withTrace(sent, trace);
    };
    // The same object for both facts, so that subscribers can tell by it.
    this.#hub.emit("client-request-started", Object.assign(request, { carry }));
    return sent;
  }

  #end(session: SessionInfo, id: unknown, outcome: Outcome, rpcCode?: number): void {
    const open = this.#open.get(session);
    const request = open?.get(id as JsonRpcId);
    if (request === undefined) return;
    open?.delete(request.id);
    const durationMs = performance.now() - request.startedAt;
    this.#hub.emit("client-request-ended", { request, outcome, rpcCode, durationMs });
  }
}

/** The request with trace context, unless it has some; the message is the server's, and stays as it is. */
function withTrace(message: JsonRpcRequest, { ...trace }: TraceContext): JsonRpcRequest {
  const { params } = message;
  const meta = Object(params?.["_meta"]) as Readonly<Record<string, unknown>>;
  if ("traceparent" in meta) return message;
  return { ...message, params: { ...params, _meta: { ...meta, ...trace } } };
}
