import type { ServerResponse } from "node:http";
import type { Elsewhere } from "../http/elsewhere.js";
import { sessionNotFound } from "../http/find-session.js";
import { MessageReceiver } from "../http/message-receiver.js";
import type { PostExtra } from "../http/message-extra.js";
import type { MovedSession } from "../http/moved-session.js";
import type { Arrival, MessageHandler } from "../http/message-handler.js";
import type { HostRequest } from "../http/mount.js";
import { toClientError } from "../http/refused-caller.js";
import type { ServerFactory } from "../http/mcp-transport.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { RouterContext } from "../http/router-context.js";
import type { RouterSession } from "../http/router-session.js";
import type { FastRoute, Transport, TransportRoute } from "../http/transport.js";
import type { AdmittedRequest, RefusedRequest } from "../http/incoming-request.js";
import type { Passage } from "../policy/passage.js";
import { isCall } from "../shared/json-rpc.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import { sendText } from "../shared/send.js";
import { sessionIdOf } from "./endpoint-path.js";
import { StreamHandler } from "./stream-handler.js";
import type { OtherNodes } from "./far-sessions.js";
import { FastPath } from "./fast-path.js";
import { goOnWith } from "./go-on.js";
import { Probes } from "./probe.js";
import { isReconnect, readResumeHints } from "./resume.js";
import { isSseSession } from "./sse-session.js";
import type { SseSession } from "./sse-session.js";
import { StreamRequest } from "./stream-request.js";

export interface SseEndpointInit extends RouterContext {
  /** Sessions of other nodes; `undefined` where there are none. */
  readonly elsewhere: Elsewhere | undefined;
  /** Finds those at other nodes whose clients come back here; `undefined` where there are none. */
  readonly returning: ReturningClients | undefined;
  readonly createServer: ServerFactory;
  /** Whether POSTs of sessions are recognized before they are routed. */
  readonly hasFastPath: boolean;
}

/** Statuses that official clients which come back take for the end, and never try again. */
const FINAL_STATUSES: readonly number[] = [404, 429, 500, 503];

/**
 * HTTP+SSE of 2024-11-05: a GET opens or continues the stream of a session, and POSTs bring its
 * messages.
 *
 * It takes no POST at the path of the stream. A newer client posts there first, and by the 405 it
 * finds out that it must use HTTP+SSE, unless another transport takes that POST.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility
 */
export class SseEndpoint implements Transport {
  readonly routes: readonly TransportRoute[];
  readonly requestHeaders = ["Last-Event-ID", "X-MCP-Instance"];
  readonly #init: SseEndpointInit;
  readonly #probes: Probes;
  readonly #fastPath: FastPath | undefined;
  readonly #streams: StreamHandler;
  readonly #messages: MessageReceiver<SseSession>;

  constructor(init: SseEndpointInit) {
    this.#init = init;
    this.#probes = new Probes(init.returning);
    const { endpoint, messageEndpoint } = init.options;
    const messages: TransportRoute = {
      path: messageEndpoint,
      method: "POST",
      sessionId: sessionIdOf,
      transport: "sse",
      adopt: (moved, request) => this.#adopt(moved, request),
      answer: (request, session) => this.#receive(request, session),
    };
    const stream: TransportRoute = {
      path: endpoint,
      method: "GET",
      transport: "sse",
      adopt: (moved, request) => this.#adopt(moved, request),
      answer: (request, session) => {
        const get = new StreamRequest(request, init.options);
        // It names none of its own: another node has found the one that it goes on with.
        if (session !== undefined) return this.#streams.answerRelayed(get, session);
        return this.#streams.answer(get);
      },
      refuse: (request, error) => this.#putOff(request, error),
    };
    this.routes = [stream, messages];
    this.#fastPath = init.hasFastPath ? new FastPath(messages, init.callers) : undefined;
    this.#streams = new StreamHandler({
      ...init,
      others: this.#othersFor(stream),
      probes: this.#probes,
      fastPath: this.#fastPath,
    });
    this.#messages = new MessageReceiver({
      ...init,
      route: messages,
      handler: this.#messageHandler,
    });
  }

  #othersFor(stream: TransportRoute): OtherNodes | undefined {
    const { elsewhere, returning: clients } = this.#init;
    if (elsewhere === undefined || clients === undefined) return undefined;
    const goOn: OtherNodes["goOn"] = async (id, { admitted, path }) => {
      const found = await elsewhere.goOn(id, admitted, stream, path);
      if (found.kind === "here") return found.session;
      return found.kind === "answered" ? found.kind : undefined;
    };
    return { clients, goOn };
  }

  /** A POST to exactly the URL of a session's endpoint event. */
  recognize(req: HostRequest): FastRoute | undefined {
    return this.#fastPath?.find(req);
  }

  async #adopt(moved: MovedSession, request: AdmittedRequest): Promise<RouterSession> {
    const extraOf = (one: AdmittedRequest): PostExtra => this.#messages.extraOf(one);
    const session = await goOnWith(moved, request, { ...this.#init, extraOf });
    this.#fastPath?.open(session, request);
    return session;
  }

  #receive(request: AdmittedRequest, session: RouterSession | undefined): void {
    // The route has a `sessionId`, so there is one; another transport's is none of ours.
    if (session === undefined || !isSseSession(session)) throw sessionNotFound();
    this.#fastPath?.note(session, request);
    this.#messages.receive(request, session);
  }

  readonly #messageHandler: MessageHandler<SseSession> = {
    intercept: ({ message, request, session }) => {
      if (this.#probes.takeAnswer(message, session)) return true;
      session.channel.notePost(message, request.parts.headers);
      return false;
    },
    deliver: (arrival, passage) => {
      const admitting = this.#init.places?.admit(arrival.session);
      return admitting === undefined
        ? handOver(arrival, passage)
        : this.#deliverLater(arrival, passage, admitting);
    },
    accept: ({ res }) => {
      res.statusCode = 202;
      res.end();
    },
  };

  /** The first message of a conversation, for which there has to be room at all nodes. */
  async #deliverLater(
    arrival: Arrival<SseSession>,
    passage: Passage | undefined,
    admitting: Promise<void>,
  ): Promise<void> {
    const { message, request, session } = arrival;
    await admitting;
    await this.#messages.confirmLapsed(message, request, session);
    await handOver(arrival, passage);
  }

  /** Tells a client that comes back to try again, where the error would be the end for it. */
  #putOff(request: RefusedRequest, error: unknown): boolean {
    const { req, res } = request;
    const { options, refusals } = this.#init;
    if (options.resume === undefined || !isReconnect(readResumeHints(req))) return false;
    if (!FINAL_STATUSES.includes(toClientError(error).status)) return false;
    refusals.log("put off the returning client's", request, error, this.routes[0]);
    sendRetry(res, options.resume.retryMs);
    return true;
  }
}

/** What another node would have to say of a call stands there before its client hears that it was taken. */
function noteCall(message: JsonRpcMessage, { callWatch }: SseSession): Promise<void> | undefined {
  if (callWatch === undefined) return undefined;
  if (isCall(message)) return callWatch.opened(message.id);
  if ("method" in message && message.method === "notifications/cancelled") {
    callWatch.over(message.params?.["requestId"] as JsonRpcId);
  }
  return undefined;
}

/** Tells a client that comes back to try again: a stream with nothing in it but the time to wait. */
function sendRetry(res: ServerResponse, retryMs: number): void {
  const headers = { "Cache-Control": "no-store" };
  sendText(res, 200, "text/event-stream", `retry: ${retryMs}\n\n`, headers);
}

function handOver(
  { message, session, extra, call }: Arrival<SseSession>,
  passage: Passage | undefined,
): Promise<void> | undefined {
  session.receive(message, extra, call, passage);
  return noteCall(message, session);
}
