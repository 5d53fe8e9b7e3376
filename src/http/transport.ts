import type { CachedCaller } from "../auth/verified-cache.js";
import type { SessionWire } from "../session/session-info.js";
import type { HostRequest, Mount } from "./mount.js";
import type { AdmittedRequest, RefusedRequest } from "./incoming-request.js";
import type { MovedSession } from "./moved-session.js";
import type { RouterSession } from "./router-session.js";

/**
 * One way for messages to travel, as the {@link Pipeline} sees it. A transport says which paths
 * and methods are its own, and answers the requests that were let in. Where a request comes from,
 * who sent it, and whose session it names is decided before, in one place and alike for all.
 *
 * | what to implement | when the pipeline asks | what a throw or a rejection means |
 * |---|---|---|
 * | `routes`, `requestHeaders` and the like | once, when it is built | |
 * | `recognize` | for each request, before its path is looked up | it must not throw |
 * | a route's `takes` | before the caller is known | it must not throw |
 * | a route's `sessionId` | when the caller is known | the request is refused with that error |
 * | a route's `adopt` | when a session is found that no node has any more | the same |
 * | a route's `answer` | when source, caller and session are right | the same; once a response has begun, the error is only logged |
 * | a route's `refuse` | when any step threw, `answer` included | it must not throw |
 *
 * An `McpSseError` is the answer itself: its status, headers, code and message. Everything else is
 * a 500 that tells the client nothing.
 */
export interface Transport {
  readonly routes: readonly TransportRoute[];
  /** Headers of its own that pages of other origins may send. Default: none. */
  readonly requestHeaders?: readonly string[];
  /** How the names of others of them begin, which may end as they like. Default: none. */
  readonly requestHeaderPrefixes?: readonly string[];
  /** Headers of its answers that such pages may read. Default: none. */
  readonly responseHeaders?: readonly string[];
  /**
   * The fast path: whether a request is one for a session of which everything is known, to be told
   * by one look, without parsing anything. It takes the same steps as every other, without the search
   * for route and session, and its caller is not verified anew if the credential is the same.
   * Default: none is.
   */
  recognize?(req: HostRequest): FastRoute | undefined;
}

/** One method of one path. */
export interface TransportRoute {
  /** Below the mount; a trailing slash is tolerated. */
  readonly path: string;
  /**
   * Transports may share a path. A method that none of them has there, or takes, is answered 405
   * before authentication, with all that there are.
   */
  readonly method: "GET" | "POST" | "DELETE";
  /**
   * Whether a request is for this route, where several have its path and method: the first that
   * takes it answers it. Default: it takes all.
   */
  takes?(req: HostRequest): boolean;
  /**
   * The id of the session that a request must be allowed to continue: one that does not exist, or is
   * another's, is 404. Default, and for `undefined`: it is let in without a session.
   */
  sessionId?(req: HostRequest): string | undefined;
  /**
   * Whether a request is let in without a session, too, where its caller may not continue the one
   * that it names: because only its message tells whether that matters. Default: no.
   */
  readonly isSessionOptional?: boolean;
  /** By which wire those sessions are that it names. Default: they are at no other node. */
  readonly transport?: SessionWire;
  /**
   * Goes on, in this process, with a session that was at another node, for a request to this route whose
   * caller may continue it. It has no stream yet: that is for `answer`. Default: none can move here.
   *
   * @returns the session, once its server is as far as the one before; `sessions.find` knows it earlier.
   * @throws McpSseError 404 where nobody can go on with it: it is lost. Any other: another request may try.
   */
  adopt?(moved: MovedSession, request: AdmittedRequest): Promise<RouterSession>;
  /** @param session the one that {@link sessionId} names. */
  answer(request: AdmittedRequest, session: RouterSession | undefined): Promise<void> | void;
  /**
   * Answers a refused request where the transport's clients need another answer than the error.
   * Nothing has been sent yet.
   *
   * @returns whether it did. Default: the error is sent, as JSON.
   */
  refuse?(request: RefusedRequest, error: unknown): boolean;
}

/** A route to one session, for requests that need no search. */
export interface FastRoute {
  readonly kind: "fast";
  readonly route: TransportRoute;
  readonly session: RouterSession;
  /** Where requests of the session come in. */
  readonly mount: Mount;
  /** Who sent the session's last request; `undefined` when that has to be asked each time. */
  readonly lastCaller: CachedCaller | undefined;
}
