import type { AdmittedRequest } from "../http/incoming-request.js";
import { sessionNotFound } from "../http/find-session.js";
import type { Arrival, MessageHandler } from "../http/message-handler.js";
import { openSession } from "../http/open-session.js";
import type { OpeningContext } from "../http/open-session.js";
import { onResponseEnd } from "../http/response-end.js";
import type { ConversationLimit } from "../http/conversation-limit.js";
import type { RouterSession } from "../http/router-session.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { StreamableSettings } from "../options/streamable-options.js";
import type { Passage } from "../policy/passage.js";
import { isCall } from "../shared/json-rpc.js";
import { sessionClosed } from "../session/session-end.js";
import { Session } from "../session/session.js";
import type { McpSseError } from "../shared/errors.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { leaveBody } from "../shared/was-read.js";
import { acceptsOf, jsonIfTaken } from "./accept.js";
import type { Accepts } from "./accept.js";
import {
  checkVersion,
  hasEnvelope,
  onlyWithSessions,
  versionHeaderOf,
} from "./protocol-version.js";
import { SESSION_HEADER, sessionIdOf, sessionNameOf } from "./session-header.js";
import { beginsSession, checkTakesAnswer, handOver, noSessionNamed } from "./session-requests.js";
import { StreamableChannel } from "./streamable-channel.js";
import { StreamableRequest } from "./streamable-request.js";
import type { StreamableSession } from "./streamable-session.js";

/** What answering POSTs takes. */
export interface PostHandlerInit extends OpeningContext {
  readonly options: ResolvedOptions;
  /** See `RouterContext.places`. */
  readonly places: ConversationLimit<RouterSession> | undefined;
  /** Below the mount. */
  readonly path: string;
  readonly sseAfterMs: number;
  readonly responses: StreamableSettings["responses"];
  /** Answers calls that only by their body are of 2026-07-28; `undefined` where that is not served. */
  readonly modern: MisnamedCalls | undefined;
  /** Hears of each session that was begun, and by which request. */
  readonly onBegun: (session: StreamableSession, request: AdmittedRequest) => void;
  /** `undefined` where no session is restored. */
  readonly restorer: Restorer | undefined;
}

/** Restores sessions; a `SessionRestorer` is one. */
export interface Restorer {
  /** Gives a session a name by which it can be restored. @param message what it begins with. */
  nameSession(session: StreamableSession, message: JsonRpcMessage): void;
  /** Has a session come back that is not here. @throws McpSseError if it cannot be restored. */
  restore(request: AdmittedRequest): Promise<StreamableSession>;
}

/** Answers what comes here because its headers do not say what its body is. */
export interface MisnamedCalls {
  /**
   * Called for a call of 2026-07-28 whose header names another revision, or none: by a session that it
   * names, or by one that was made for its bytes. No server gets it. It is answered when the promise
   * resolves; a rejection is the answer instead.
   */
  refuse(arrival: Arrival<RouterSession>): Promise<void>;
}

/** What becomes of the messages that are posted to one path, and of those that begin a session. */
export class PostHandler implements MessageHandler<StreamableSession> {
  readonly #init: PostHandlerInit;

  constructor(init: PostHandlerInit) {
    this.#init = init;
  }

  /**
   * A session in whose name the message of a POST is read that names none of its sender's: it is
   * counted, pays for the bytes, and ends with those of its owner, although it has no server yet. It
   * begins if the message is `initialize`.
   *
   * @param post the request, as the session's first.
   */
  createSession(
    request: AdmittedRequest,
    post = new StreamableRequest(request, this.#init.path, this.#init.options),
  ): StreamableSession {
    const { sessions, options, sseAfterMs } = this.#init;
    const isRestored = post.restoredId !== undefined;
    // Most that name no session of theirs do not begin one: they are let in for their message.
    sessions.admission.admitReturning(post);
    const session: StreamableSession = new Session(
      post,
      (opened) => new StreamableChannel(opened, { resume: options.resume, sseAfterMs, isRestored }),
    );
    sessions.add(session);
    if (isRestored) return session;
    onResponseEnd(request.res, () => {
      if (session.state === "opening") session.end("failed-to-open");
    });
    return session;
  }

  sessionFor(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: StreamableSession,
  ): Promise<StreamableSession> | undefined {
    const { restorer } = this.#init;
    if (restorer === undefined || sessionNameOf(request.req) === undefined) return undefined;
    if (session.state !== "opening") return undefined;
    if (beginsSession(message) || hasEnvelope(message)) return undefined;
    // It was there for the message's bytes, and is not to take up the room of the one that is restored.
    session.end("failed-to-open");
    return restorer.restore(request);
  }

  intercept(arrival: Arrival<StreamableSession>): boolean | Promise<void> {
    const { message, request, session } = arrival;
    if (hasEnvelope(message)) return this.#refuse(arrival);
    const { req } = request;
    checkVersion(message, versionHeaderOf(req), session.channel.protocolVersion);
    if (session.state === "opening" && !beginsSession(message)) {
      throw lacksSession(sessionIdOf(req));
    }
    if (isCall(message)) checkTakesAnswer(acceptsOf(req.headers.accept));
    return false;
  }

  deliver(
    arrival: Arrival<StreamableSession>,
    passage: Passage | undefined,
  ): Promise<void> | undefined {
    if (beginsSession(arrival.message)) return this.#begin(arrival, passage);
    this.#handOver(arrival, passage);
    return undefined;
  }

  accept({ res }: AdmittedRequest, message: JsonRpcMessage): void {
    // Calls are answered by their answer.
    if (!isCall(message)) res.writeHead(202, { "Content-Length": "0" }).end();
  }

  /** A message says that it is of a revision without sessions, and the headers of its POST do not. */
  #refuse(arrival: Arrival<StreamableSession>): Promise<void> {
    const { modern } = this.#init;
    if (modern === undefined || !isCall(arrival.message)) throw onlyWithSessions();
    return modern.refuse(arrival);
  }

  /** In which form a call is answered. */
  #acceptsOf({ headers }: AdmittedRequest["req"]): Accepts {
    const accepts = acceptsOf(headers.accept);
    return this.#init.responses === "json" ? jsonIfTaken(accepts) : accepts;
  }

  /**
   * Opens a session. One that its client had goes on without it, and ends when it was idle.
   *
   * Security decision: what begins a session passes all that an application has in front of it,
   * although its client names a session whose messages do not have to.
   */
  async #begin(arrival: Arrival<StreamableSession>, passage: Passage | undefined): Promise<void> {
    const { request, call, message } = arrival;
    const { sessions, options, places, path, onBegun } = this.#init;
    if (request.passOn !== undefined) {
      call?.letGo();
      await leaveBody(request.req, message);
      request.passOn();
      return;
    }
    const isNew = arrival.session.state === "opening" && !arrival.session.isRestored;
    const session = isNew ? arrival.session : this.createSession(request);
    try {
      sessions.admission.checkReturned(new StreamableRequest(request, path, options));
      await places?.admit(session);
      await openSession(session, request, this.#init);
      if (session.closeReason !== undefined) throw sessionClosed();
      onBegun(session, request);
      this.#init.restorer?.nameSession(session, message);
      request.res.setHeader(SESSION_HEADER, session.channel.name ?? session.id);
      this.#handOver({ ...arrival, session }, passage);
    } catch (error) {
      session.end("failed-to-open");
      if (!request.res.headersSent) request.res.removeHeader(SESSION_HEADER);
      throw error;
    }
  }

  #handOver(
    { message, request, session, extra, call }: Arrival<StreamableSession>,
    passage: Passage | undefined,
  ): void {
    const { req, res } = request;
    const accepts = this.#acceptsOf(req);
    handOver(
      session,
      { message, extra, req, res, accepts, held: call, passage },
      this.#init.options,
    );
  }
}

/** Another's session and no session are one answer. */
function lacksSession(named: string | undefined): McpSseError {
  return named === undefined ? noSessionNamed() : sessionNotFound();
}
