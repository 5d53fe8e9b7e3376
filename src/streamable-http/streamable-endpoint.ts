import { sessionNotFound } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { MessageReceiver } from "../http/message-receiver.js";
import type { MovedSession } from "../http/moved-session.js";
import type { ServerFactory } from "../http/mcp-transport.js";
import type { RouterContext } from "../http/router-context.js";
import type { RouterSession } from "../http/router-session.js";
import type { HostRequest } from "../http/mount.js";
import type { FastRoute, Transport, TransportRoute } from "../http/transport.js";
import type { StreamableSettings } from "../options/streamable-options.js";
import { sessionClosed } from "../session/session-end.js";
import { McpSseError } from "../shared/errors.js";
import { FastPath } from "./fast-path.js";
import { PostHandler } from "./post-handler.js";
import { goOnWith } from "./go-on.js";
import type { MisnamedCalls } from "./post-handler.js";
import { SessionRestorer } from "./session-restorer.js";
import type { RestoreContext, SessionRestorerInit } from "./session-restorer.js";
import { SESSION_HEADER, sessionIdOf, sessionNameOf } from "./session-header.js";
import { checkListens, listenTo } from "./session-requests.js";
import { StreamableRequest } from "./streamable-request.js";
import { isStreamableSession } from "./streamable-session.js";
import type { StreamableSession } from "./streamable-session.js";

export interface StreamableEndpointInit extends RouterContext {
  readonly createServer: ServerFactory;
  /** Whether POSTs of sessions are recognized before they are routed. */
  readonly hasFastPath: boolean;
  /** Below the mount, each with all methods; empty for the mount itself. */
  readonly paths: readonly string[];
  /** Milliseconds after which a call without an answer is answered by a stream; 0 for at once. */
  readonly sseAfterMs: number;
  readonly responses: StreamableSettings["responses"];
  readonly modern: MisnamedCalls | undefined;
  /** `undefined` where no session is restored. */
  readonly restore: RestoreContext | undefined;
}

/**
 * Streamable HTTP with sessions, as of 2025-03-26 to 2025-11-25: POSTs bring the messages and take the
 * answers back, a GET listens to the rest, and a DELETE ends it all.
 *
 * A GET without a session's id is none of ours: there is no session without one. So another
 * transport may have it.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */
export class StreamableEndpoint implements Transport {
  readonly routes: readonly TransportRoute[];
  readonly requestHeaders = [SESSION_HEADER, "Last-Event-ID"];
  readonly responseHeaders = [SESSION_HEADER];
  readonly #init: StreamableEndpointInit;
  readonly #fastPath: FastPath | undefined;

  constructor(init: StreamableEndpointInit) {
    this.#init = init;
    this.#fastPath = init.hasFastPath ? new FastPath(init.callers) : undefined;
    this.routes = init.paths.flatMap((path) => this.#routesAt(path));
  }

  /** A POST with the header of a session, at the URL where that was begun. */
  recognize(req: HostRequest): FastRoute | undefined {
    return this.#fastPath?.find(req);
  }

  #routesAt(path: string): readonly TransportRoute[] {
    const fastPath = this.#fastPath;
    const receive = (request: AdmittedRequest, session: StreamableSession | undefined): void => {
      // The request that had it go on may have been a GET.
      if (session?.isRestored === true || session?.isMoved === true) {
        fastPath?.open(session, request, known);
      } else if (session !== undefined) fastPath?.note(session, request);
      messages.receive(request, session ?? posts.createSession(request));
    };
    const adopt = (moved: MovedSession, request: AdmittedRequest): Promise<RouterSession> =>
      goOnWith(moved, request, { ...this.#init, extraOf: (one) => messages.extraOf(one) });
    const post: TransportRoute = {
      path,
      method: "POST",
      sessionId: sessionIdOf,
      transport: "streamable",
      // Whoever begins a new one may still name the last.
      isSessionOptional: true,
      adopt,
      answer: (request, session) => receive(request, this.#ownOf(request, path, session)),
    };
    // Its URL has been compared, and only sessions of this transport are found so.
    const known: TransportRoute = {
      path,
      method: "POST",
      answer: (request, session) => receive(request, namedBy(request, session)),
    };
    const restorer = this.#restorerAt(path, {
      createSession: (request, opened) => posts.createSession(request, opened),
      extraOf: (request) => messages.extraOf(request),
    });
    const posts: PostHandler = new PostHandler({
      ...this.#init,
      path,
      onBegun: (session, request) => fastPath?.open(session, request, known),
      restorer,
    });
    const messages = new MessageReceiver<StreamableSession>({
      ...this.#init,
      route: post,
      handler: posts,
    });
    return [post, ...this.#bodylessAt(path, restorer).map((route) => ({ ...route, adopt }))];
  }

  /** A GET listens to a session, and a DELETE ends it; one that is not here may be restored. */
  #bodylessAt(
    path: string,
    restorer: SessionRestorer<StreamableSession> | undefined,
  ): readonly TransportRoute[] {
    const listen: TransportRoute = {
      path,
      method: "GET",
      takes: (req) => sessionIdOf(req) !== undefined,
      sessionId: sessionIdOf,
      transport: "streamable",
      isSessionOptional: true,
      answer: async (request, session) => {
        const own = this.#ownOf(request, path, session);
        this.#listen(request, own ?? (await restorer?.restore(request)));
      },
    };
    const end: TransportRoute = {
      path,
      method: "DELETE",
      sessionId: sessionIdOf,
      transport: "streamable",
      isSessionOptional: true,
      answer: (request, session) =>
        this.#end(request, this.#ownOf(request, path, session), restorer),
    };
    return [listen, end];
  }

  #restorerAt(
    path: string,
    parts: Pick<SessionRestorerInit<StreamableSession>, "createSession" | "extraOf">,
  ): SessionRestorer<StreamableSession> | undefined {
    const { restore } = this.#init;
    if (restore === undefined) return undefined;
    const isOwn = isStreamableSession;
    return new SessionRestorer({ ...this.#init, ...parts, restore, path, isOwn });
  }

  /**
   * The session that a request may go on with, if it is one of ours.
   *
   * Security decision: all requests of a session go to one URL, query included, since its server
   * may have been made for what was in it. Almost always both are the same texts.
   */
  #ownOf(
    request: AdmittedRequest,
    path: string,
    session: RouterSession | undefined,
  ): StreamableSession | undefined {
    const named = namedBy(request, session);
    if (named === undefined) return undefined;
    const asker = new StreamableRequest(request, path, this.#init.options);
    const isSame = asker.path === named.path && request.req.url === named.request.url;
    if (isSame) return named;
    return this.#init.sessions.ownedBy(asker, isStreamableSession).has(named) ? named : undefined;
  }

  #listen({ req, res, caller }: AdmittedRequest, session: StreamableSession | undefined): void {
    if (session === undefined) throw sessionNotFound();
    checkListens(req, session.channel);
    session.renew(caller.principal, caller.validUntil);
    listenTo(session.channel, req, res, this.#init.options.stream);
  }

  #end(
    request: AdmittedRequest,
    session: StreamableSession | undefined,
    restorer: SessionRestorer<StreamableSession> | undefined,
  ): void {
    const { req, res } = request;
    // In this moment: one that has gone to another node is ended there.
    if (session?.closeReason !== undefined) throw sessionClosed();
    if (session !== undefined) session.end("deleted");
    else if (sessionIdOf(req) === undefined) throw noId();
    else if (restorer?.end(request) !== true) throw sessionNotFound();
    res.writeHead(200, { "Content-Length": "0" }).end();
  }
}

/** The session that was found by an id, if that is all of its name, or all of its name is there. */
function namedBy(
  { req }: AdmittedRequest,
  session: RouterSession | undefined,
): StreamableSession | undefined {
  if (session === undefined || !isStreamableSession(session)) return undefined;
  return sessionNameOf(req) === (session.channel.name ?? session.id) ? session : undefined;
}

function noId(): McpSseError {
  return new McpSseError("session_id_required", "The Mcp-Session-Id header must name a session.");
}
