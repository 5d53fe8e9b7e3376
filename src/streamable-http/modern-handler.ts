import type { AuthInfo } from "../auth/principal.js";
import type { CallerGuard } from "../http/caller-guard.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { McpServerLike } from "../http/mcp-transport.js";
import type { Arrival, MessageHandler } from "../http/message-handler.js";
import { makeServer } from "../http/open-session.js";
import type { OpeningContext } from "../http/open-session.js";
import type { CreateMcpHandler, McpHandler } from "../options/streamable-options.js";
import type { StreamableSettings } from "../options/streamable-options.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { onResponseEnd } from "../http/response-end.js";
import type { RouterSession } from "../http/router-session.js";
import type { Passage } from "../policy/passage.js";
import type { ResultFilter } from "../policy/policy.js";
import { findScopeChallenge } from "../policy/scope-challenge.js";
import type { ScopeChallengeResolver } from "../policy/scope-challenge.js";
import type { HeldCall } from "../session/held-call.js";
import { Session } from "../session/session.js";
import type { JsonRpcMessage, JsonRpcRequest, JsonRpcResponse } from "../shared/json-rpc.js";
import { sendText } from "../shared/send.js";
import { StreamableRequest } from "./streamable-request.js";
import type { ChangeBus } from "./change-bus.js";
import { ANSWERED, ExchangeChannel } from "./exchange-channel.js";
import type { ExchangeSession } from "./exchange-channel.js";
import { exchangeRequest } from "./exchange-request.js";
import { heardResponse } from "./heard-response.js";
import { isListen } from "./listen.js";
import { onlyWithSessions } from "./protocol-version.js";
import { LoadedSdk } from "./sdk-handler.js";

/** What answering the requests of 2026-07-28 takes. */
export interface ModernHandlerInit extends OpeningContext {
  readonly options: ResolvedOptions;
  readonly callers: CallerGuard;
  readonly bus: ChangeBus;
  readonly responses: StreamableSettings["responses"];
  readonly createMcpHandler: CreateMcpHandler | undefined;
}

/** A request that the SDK's handler is answering. */
interface Exchange {
  readonly session: ExchangeSession;
  readonly message: JsonRpcMessage;
  readonly request: AdmittedRequest;
  readonly authInfo: AuthInfo | undefined;
  /** Whether the handler has asked for a server: it does not for what is wrong with the request itself. */
  hasServer: boolean;
  /** Why there is no server for it: the answer is ours then, and not the handler's. */
  failure: unknown;
}

/**
 * A session that is one request has none of these: it lasts for as long as that. The first would end it
 * while its body is read, which has a time of its own; for the others each request would set a timer.
 */
const ONE_REQUEST = { initTimeoutMs: 0, idleMs: 0, streamlessIdleMs: 0 };

/** Has SDK v2 answer the requests of 2026-07-28, each with a server of its own. */
export class ModernHandler implements MessageHandler<ExchangeSession> {
  readonly #init: ModernHandlerInit;
  readonly #sdk: LoadedSdk;
  readonly #limited: ResolvedOptions;
  /** Whether the last server that was looked at was of SDK v2. */
  #isServed = false;
  /** By what the handler says of them when it asks for a server. */
  readonly #exchanges = new Map<Request, Exchange>();

  constructor(init: ModernHandlerInit) {
    const { options, bus, responses, createMcpHandler: create } = init;
    this.#init = init;
    this.#limited = { ...options, limits: { ...options.limits, ...ONE_REQUEST } };
    this.#sdk = new LoadedSdk({
      create,
      bus,
      responses,
      logger: options.logger,
      serve: (request) => this.#serve(request),
    });
  }

  /**
   * A session in whose name a request is read and answered.
   *
   * @throws McpSseError 429 when its caller has too many.
   */
  createExchange(request: AdmittedRequest, path: string): ExchangeSession {
    const { sessions, options } = this.#init;
    const session: ExchangeSession = new Session(
      new StreamableRequest(request, path, this.#limited),
      (opened) => new ExchangeChannel(opened, request, options.stream),
    );
    try {
      sessions.addExchange(session);
    } catch (error) {
      session.end("failed-to-open");
      throw error;
    }
    onResponseEnd(request.res, () => session.channel.clientLeft());
    return session;
  }

  intercept(): boolean {
    return false;
  }

  async deliver(arrival: Arrival<ExchangeSession>, passage: Passage | undefined): Promise<void> {
    const { session, call } = arrival;
    const answering = this.#receive(arrival, passage);
    try {
      await answering;
      session.end(ANSWERED);
    } catch (error) {
      call?.watched?.end("failed");
      if (session.closeReason === undefined) throw error;
      // Who has left, or was told of the end, is not answered.
    } finally {
      session.end("failed-to-open");
    }
  }

  /** Has the session take its message. @returns what answers it. */
  #receive(
    arrival: Arrival<ExchangeSession>,
    passage: Passage | undefined,
  ): Promise<void> | undefined {
    const { message, session, extra, call } = arrival;
    if (passage?.to === "nobody") {
      session.onmessage = () => undefined;
      // No message goes by the session: its channel writes responses.
      session.receive(message, extra, call, { ...passage, answer: undefined });
      return session.channel.reply(responseOf(passage.answer), call);
    }
    if (session.observer?.watchesMessages === true) return this.#receiveWatched(arrival, passage);
    session.onmessage = () => undefined;
    session.receive(message, extra, call);
    // Not within that listener: one that refers to `arrival` costs a scavenge in twenty (bench/NOTES.md).
    return this.#answer(arrival, passage?.filter);
  }

  /** Whoever watches a call is around its server: a trace goes on in there. */
  #receiveWatched(
    arrival: Arrival<ExchangeSession>,
    passage: Extract<Passage, { to: "server" }> | undefined,
  ): Promise<void> | undefined {
    const { message, session, extra, call } = arrival;
    let answering: Promise<void> | undefined;
    session.onmessage = () => {
      answering = this.#answer(arrival, passage?.filter);
    };
    session.receive(message, extra, call);
    return answering;
  }

  accept(): void {
    // The answer is the SDK's.
  }

  /**
   * Answers a request of 2026-07-28 that a header says to be of another revision, or that has none: by
   * what such clients expect to hear. It is run by no server.
   *
   * @throws McpSseError where this revision is not served at all.
   */
  async refuse({
    message,
    request: { res },
    session,
    extra,
  }: Arrival<RouterSession>): Promise<void> {
    const sdk = await this.#handler();
    await this.#checkServed(session);
    const answer = await sdk.fetch(extra.request, { parsedBody: message });
    const text = await answer.text();
    if (!res.headersSent) sendText(res, answer.status, "application/json", text);
  }

  async #answer(
    arrival: Arrival<ExchangeSession>,
    filter: ResultFilter | undefined,
  ): Promise<void> {
    const { message, request, session, extra, call } = arrival;
    const sdk = await this.#handler();
    const { authInfo } = extra;
    const asked = exchangeRequest(extra, session.channel.signal);
    const exchange: Exchange = {
      session,
      message,
      request,
      authInfo,
      hasServer: false,
      failure: undefined,
    };
    const fetch = (): Promise<Response> =>
      sdk.fetch(asked, { parsedBody: message, ...(authInfo !== undefined && { authInfo }) });
    let response: Response;
    this.#exchanges.set(asked, exchange);
    try {
      response = isListen(message)
        ? await this.#listen(session, message as JsonRpcRequest, call, fetch)
        : await fetch();
    } finally {
      this.#exchanges.delete(asked);
    }
    if (exchange.failure !== undefined) throw exchange.failure as Error;
    if (!exchange.hasServer) await this.#checkServed(session);
    const hearing = this.#init.gate?.hearingOf(request, session);
    const known = hearing && (await heardResponse(response, { session, message, filter, hearing }));
    await session.channel.reply(known ?? response, call);
  }

  #listen(
    session: ExchangeSession,
    { id, params }: JsonRpcRequest,
    call: HeldCall | undefined,
    fetch: () => Promise<Response>,
  ): Promise<Response> {
    const { bus, sessions } = this.#init;
    sessions.noteSubscription(session);
    session.channel.becomeSubscription(id);
    // What is to come is counted when it comes.
    call?.letGo();
    return bus.listenAs(session, params, fetch);
  }

  async #handler(): Promise<McpHandler> {
    const sdk = await this.#sdk.handler();
    if (sdk === undefined) throw onlyWithSessions();
    return sdk;
  }

  /** Makes the server of a request, when the SDK's handler has found nothing wrong with it. */
  async #serve(request: Request | undefined): Promise<McpServerLike> {
    const exchange = request && this.#exchanges.get(request);
    if (exchange === undefined) throw new Error("the handler asks for a server of no request");
    exchange.hasServer = true;
    try {
      return await this.#createServer(exchange);
    } catch (error) {
      exchange.failure = error;
      throw error;
    }
  }

  async #createServer(exchange: Exchange): Promise<McpServerLike> {
    const { createServer, options, callers } = this.#init;
    const { session, message, request, authInfo } = exchange;
    const server = await makeServer(session, createServer, options);
    try {
      this.#check(server);
      const { resolveScopeChallenge: resolver } = server as McpServerLike & {
        readonly resolveScopeChallenge?: ScopeChallengeResolver;
      };
      const lacking = resolver && (await findScopeChallenge(resolver, message, authInfo));
      if (lacking !== undefined) throw callers.lacksScopes(lacking, request);
      return server;
    } catch (error) {
      this.#close(server);
      throw error;
    }
  }

  /**
   * Looks whether the application's servers are of SDK v2 before a client hears what only such an endpoint
   * says: one that knows both eras would not go on with `initialize`.
   *
   * @throws McpSseError if they are not.
   */
  async #checkServed(session: RouterSession): Promise<void> {
    const { createServer, options } = this.#init;
    if (this.#isServed) return;
    const server = await makeServer(session, createServer, options);
    this.#close(server);
    this.#check(server);
  }

  /** @throws McpSseError for a server with which the SDK's handler cannot serve. */
  #check(server: McpServerLike): void {
    this.#isServed = this.#sdk.canServe(server);
    if (!this.#isServed) throw onlyWithSessions();
  }

  #close(server: McpServerLike): void {
    const { logger } = this.#init.options;
    server.close().catch(() => logger.warn("A server that was not used did not close."));
  }
}

function responseOf(answer: JsonRpcResponse | undefined): Response {
  return answer === undefined ? new Response(undefined, { status: 202 }) : Response.json(answer);
}
