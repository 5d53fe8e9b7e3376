import { hasLapsed } from "../auth/verified-cache.js";
import type { HeldCall } from "../session/held-call.js";
import { isCall } from "../shared/json-rpc.js";
import type { Passage } from "../policy/passage.js";
import type { ScopeChallenge } from "../policy/scope-check.js";
import { McpSseError } from "../shared/errors.js";
import type { ErrorCode } from "../shared/errors.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { wasRead } from "../shared/was-read.js";
import { requesterOf, sessionNotFound } from "./find-session.js";
import { readMessage } from "./message-body.js";
import type { Arrival, MessageHandler } from "./message-handler.js";
import { headersToHide, PostExtra } from "./message-extra.js";
import { configuredMount, mountUrl } from "./metadata-routes.js";
import { PostedBytes } from "./posted-bytes.js";
import { followSession, hasLeft } from "./follow-session.js";
import type { RouterContext } from "./router-context.js";
import type { RouterSession } from "./router-session.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { TransportRoute } from "./transport.js";

export interface MessageReceiverInit<S extends RouterSession> extends RouterContext {
  /** At which the messages arrive. */
  readonly route: TransportRoute;
  readonly handler: MessageHandler<S>;
}

/**
 * The last steps of a POST, for every transport whose clients post messages to a session:
 *
 * 1. *body*: read within its bounds, when there is memory for it ({@link PostedBytes})
 * 2. *caller and session* once more, if time has passed or another request has changed the session
 *    ({@link MessageHandler.sessionFor}: or another session, if the message is for that)
 * 3. what is meant for the transport itself ({@link MessageHandler.intercept})
 * 4. *rights*: what the caller may do with this one message: first by the operator's policy ({@link PolicyGate}),
 *    then by what the session's own server says (`scopeCheck`)
 * 5. *delivery*: the session's server gets it, or its client the answer of a denial
 */
export class MessageReceiver<S extends RouterSession> {
  readonly #init: MessageReceiverInit<S>;
  /** URL of the message route, if the operator wrote one down. */
  readonly #publicUrl: string | undefined;

  constructor(init: MessageReceiverInit<S>) {
    this.#init = init;
    const mount = configuredMount(init.options);
    this.#publicUrl = mount && `${mountUrl(mount)}${init.route.path}`;
  }

  /** Takes a POST's message and answers the POST. Never throws. */
  receive(request: AdmittedRequest, session: S): void {
    const { req, res, parts } = request;
    const { options, sessions, refusals, handler, route, shutdown } = this.#init;
    const isRead = wasRead(req);
    const bytes = new PostedBytes(res, session, sessions);
    const body = {
      maxBytes: options.maxMessageBytes,
      parsedBody: isRead ? (req as { body?: unknown }).body : undefined,
      isRead,
      parts,
      timeoutMs: options.bodyTimeoutMs,
      admission: bytes,
    };
    let taken: JsonRpcMessage | undefined;
    const refuse = (error: unknown): void => {
      bytes.leave();
      bytes.call?.letGo();
      if (taken !== undefined && hasLeft(session, error)) {
        if (followSession(request, taken, shutdown)) return;
      }
      this.#noteLimit(error, session);
      refusals.refuse(request, error, route);
    };
    const take = (message: JsonRpcMessage, isLate: boolean): void => {
      try {
        const waiting = isLate
          ? this.#takeLate(message, request, session, bytes.call)
          : this.#take(message, request, session, bytes.call);
        if (waiting === undefined) handler.accept(request, message);
        else waiting.then(() => handler.accept(request, message)).catch(refuse);
      } catch (error) {
        refuse(error);
      }
    };
    readMessage(req, body, (read, isLate) => {
      try {
        const message = (taken = read());
        if (bytes.mayTake(message)) take(message, isLate);
        else bytes.waitToTake(() => take(message, true), refuse);
      } catch (error) {
        refuse(error);
      }
    });
  }

  /** Takes a message for which its sender took time; see {@link CallerGuard.confirm}. */
  #takeLate(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: S,
    call: HeldCall | undefined,
  ): Promise<void> | undefined {
    const confirming = this.#init.callers.confirm(request);
    return confirming === undefined
      ? this.#take(message, request, session, call)
      : confirming.then((caller) => this.#take(message, { ...request, caller }, session, call));
  }

  /** @returns a promise only where the session is another, or where it takes time to say who may. */
  #take(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: S,
    call: HeldCall | undefined,
  ): Promise<void> | undefined {
    const { caller } = request;
    const { handler, shutdown } = this.#init;
    const other = handler.sessionFor?.(message, request, session);
    if (other !== undefined) {
      return other.then((found) => this.#takeLate(message, request, found, call));
    }
    this.#checkNow(message, request, session);
    const held = isCall(message) ? shutdown.holdCall?.(session, request) : undefined;
    if (held !== undefined) {
      return held.then(() => this.#takeLate(message, request, session, call));
    }
    session.renew(caller.principal, caller.validUntil);
    const extra = this.extraOf(request);
    const arrival = { message, request, session, extra, call };
    const intercepted = handler.intercept(arrival);
    if (intercepted !== false) {
      call?.letGo();
      return intercepted === true ? undefined : intercepted;
    }
    const passage = this.#init.gate?.judge(message, request, session);
    if (!(passage instanceof Promise)) return this.#hand(arrival, passage);
    return passage.then(async (later) => {
      await this.confirmLapsed(message, request, session);
      await this.#hand(arrival, later);
    });
  }

  /** Hands over what the policy lets through, unless the session's own server has something against it. */
  #hand(arrival: Arrival<S>, passage: Passage | undefined): Promise<void> | undefined {
    // It does not get what is denied.
    if (passage?.to === "nobody") return this.#deliver(arrival, passage);
    const { message, session, extra } = arrival;
    const asked = session.scopeCheck?.(message, extra);
    return asked instanceof Promise
      ? this.#deliverLater(arrival, passage, asked)
      : this.#deliver(arrival, passage, asked);
  }

  async #deliverLater(
    arrival: Arrival<S>,
    passage: Passage | undefined,
    asked: Promise<ScopeChallenge | undefined>,
  ): Promise<void> {
    const { message, request, session } = arrival;
    const lacking = await asked;
    await this.confirmLapsed(message, request, session);
    await this.#deliver(arrival, passage, lacking);
  }

  #deliver(
    arrival: Arrival<S>,
    passage: Passage | undefined,
    lacking?: ScopeChallenge,
  ): Promise<void> | undefined {
    const { message, request, session, extra, call } = arrival;
    const { handler, callers } = this.#init;
    if (lacking !== undefined) throw callers.lacksScopes(lacking, request);
    if (handler.deliver !== undefined) return handler.deliver(arrival, passage) ?? undefined;
    session.receive(message, extra, call, passage);
    return undefined;
  }

  /** Time has passed, although none that the sender could draw out: a method is asked only if it has to be. */
  async confirmLapsed(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: RouterSession,
  ): Promise<void> {
    const confirming = hasLapsed(request.caller) ? this.#init.callers.confirm(request) : undefined;
    const caller = (await confirming) ?? request.caller;
    this.#checkNow(message, { ...request, caller }, session);
  }

  /** Looks at what may have changed since the header was there. @throws McpSseError */
  #checkNow(message: JsonRpcMessage, request: AdmittedRequest, session: RouterSession): void {
    const { sessions, shutdown } = this.#init;
    // Another request may have brought more rights.
    const isSame = request.caller.principal === session.principal;
    if (!isSame && !sessions.takesFrom(session, requesterOf(request))) throw sessionNotFound();
    if (isCall(message)) shutdown.checkCalls();
  }

  /** What a server is told of the request that brings it a message. */
  extraOf({ req, parts, caller }: AdmittedRequest): PostExtra {
    const { methods } = this.#init.callers;
    const hidden = (): readonly string[] => headersToHide(req, caller, methods);
    return new PostExtra(req, caller.authInfo, hidden, parts, this.#publicUrl);
  }

  #noteLimit(error: unknown, session: RouterSession): void {
    const limit = error instanceof McpSseError ? LIMIT_OF[error.code] : undefined;
    if (limit === undefined) return;
    const { principal } = session;
    this.#init.sessions.noteLimit({ limit, outcome: "refused", session, principal });
  }
}

/** Limits of reading, which knows of no session. */
const LIMIT_OF: Readonly<Partial<Record<ErrorCode, "maxMessageSize" | "bodyTimeoutMs">>> = {
  message_too_large: "maxMessageSize",
  message_timeout: "bodyTimeoutMs",
};
