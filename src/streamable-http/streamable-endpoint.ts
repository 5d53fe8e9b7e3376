import { EventStream } from "../http/event-stream.js";
import { sessionNotFound } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { MessageReceiver } from "../http/message-receiver.js";
import type { ServerFactory } from "../http/mcp-transport.js";
import type { RouterContext } from "../http/router-context.js";
import type { RouterSession } from "../http/router-session.js";
import type { HostRequest } from "../http/mount.js";
import type { FastRoute, Transport, TransportRoute } from "../http/transport.js";
import type { StreamableSettings } from "../options/streamable-options.js";
import { McpSseError } from "../shared/errors.js";
import { acceptsOf } from "./accept.js";
import { parsePosition } from "./event-position.js";
import { FastPath } from "./fast-path.js";
import { PostHandler } from "./post-handler.js";
import type { MisnamedCalls } from "./post-handler.js";
import { checkVersion, takesPriming } from "./protocol-version.js";
import { SESSION_HEADER, sessionIdOf } from "./session-header.js";
import { StreamableRequest, versionHeaderOf } from "./streamable-request.js";
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
      if (session !== undefined) fastPath?.note(session, request);
      messages.receive(request, session ?? posts.createSession(request));
    };
    const post: TransportRoute = {
      path,
      method: "POST",
      sessionId: sessionIdOf,
      // Whoever begins a new one may still name the last.
      isSessionOptional: true,
      answer: (request, session) => receive(request, this.#ownOf(request, path, session)),
    };
    // Its URL has been compared, and only sessions of this transport are found so.
    const known: TransportRoute = {
      path,
      method: "POST",
      answer: (request, session) => receive(request, session as StreamableSession),
    };
    const posts = new PostHandler({
      ...this.#init,
      path,
      onBegun: (session, request) => fastPath?.open(session, request, known),
    });
    const messages = new MessageReceiver({ ...this.#init, route: post, handler: posts });
    const listen: TransportRoute = {
      path,
      method: "GET",
      takes: (req) => sessionIdOf(req) !== undefined,
      sessionId: sessionIdOf,
      answer: (request, session) => this.#listen(request, this.#ownOf(request, path, session)),
    };
    const end: TransportRoute = {
      path,
      method: "DELETE",
      sessionId: sessionIdOf,
      answer: (request, session) => this.#end(request, this.#ownOf(request, path, session)),
    };
    return [post, listen, end];
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
    if (session === undefined || !isStreamableSession(session)) return undefined;
    const asker = new StreamableRequest(request, path, this.#init.options);
    const isSame = asker.path === session.path && request.req.url === session.request.url;
    if (isSame) return session;
    return this.#init.sessions.ownedBy(asker, isStreamableSession).has(session)
      ? session
      : undefined;
  }

  #listen({ req, res, caller }: AdmittedRequest, session: StreamableSession | undefined): void {
    if (session === undefined) throw sessionNotFound();
    const { channel } = session;
    const version = versionHeaderOf(req);
    checkVersion(undefined, version, channel.protocolVersion);
    const { accept, "last-event-id": lastId } = req.headers;
    if (accept !== undefined && !acceptsOf(accept).stream) throw notAcceptable();
    session.renew(caller.principal, caller.validUntil);
    const isThere = channel.listen({
      res,
      stream: new EventStream(res, this.#init.options.stream),
      position: lastId === undefined ? undefined : (parsePosition(lastId.toString()) ?? "unknown"),
      takesPriming: takesPriming(version ?? channel.protocolVersion ?? ""),
    });
    // By this, readers of event streams stop to come back. @see HTML, "Server-sent events"
    if (!isThere) res.writeHead(204).end();
  }

  #end({ req, res }: AdmittedRequest, session: StreamableSession | undefined): void {
    if (session === undefined) throw sessionIdOf(req) === undefined ? noId() : sessionNotFound();
    session.end("deleted");
    res.writeHead(200, { "Content-Length": "0" }).end();
  }
}

function noId(): McpSseError {
  return new McpSseError("session_id_required", "The Mcp-Session-Id header must name a session.");
}

function notAcceptable(): McpSseError {
  return new McpSseError("not_acceptable", "This is a text/event-stream: name it in Accept.");
}
