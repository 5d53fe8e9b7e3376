import type { IncomingMessage, ServerResponse } from "node:http";
import { sendRetry } from "../http/respond-error.js";
import { openStream } from "./answer-stream.js";
import type { Authenticator } from "../auth/authenticate.js";
import type { Caller } from "../auth/outcome.js";
import { CallerGuard } from "../http/caller-guard.js";
import { Discovery } from "../http/discovery.js";
import { endpointFor, publicBase } from "./endpoint-path.js";
import { McpSseError } from "../shared/errors.js";
import { wasForwarded } from "../http/forwarded.js";
import { FastPath } from "./fast-path.js";
import type { FastRoute } from "./fast-path.js";
import type { ServerFactory, Sessions, RouterSession } from "../http/router-session.js";
import { PendingWork } from "../shared/pending-work.js";
import { PostedMessages, shuttingDown } from "./posted-messages.js";
import type { Post } from "./posted-messages.js";
import { toAnswer } from "../http/refused-caller.js";
import type { Mount } from "../http/mount.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { Probes } from "./probe.js";
import { isReconnect, readResumeHints } from "./resume.js";
import { LAST_BYTES_MS } from "../session/close-reason.js";
import { SourceGuard } from "../http/source-guard.js";
import { settlesWithin } from "../shared/timeout.js";
import { partsOf } from "../http/request-parts.js";
import type { RequestParts } from "../http/request-parts.js";

/** The two routes of the transport, the documents about them, and the routes of a sign-in. */
type Route = keyof typeof METHOD | NonNullable<ReturnType<Discovery["routeOf"]>>;

/** The only method that a route of the transport takes. */
const METHOD = { stream: "GET", messages: "POST" } as const;

/** What the endpoints are made of. */
export interface SseEndpointsInit {
  readonly options: ResolvedOptions;
  /** `undefined` for an endpoint that is explicitly open. */
  readonly authenticator: Authenticator | undefined;
  readonly sessions: Sessions;
  readonly createServer: ServerFactory;
  /** Whether the POSTs of known sessions are answered without routing. */
  readonly knowsPosts: boolean;
}

/**
 * The event stream and the message route, on Node's request and response: every step that a
 * request takes, in order.
 */
export class SseEndpoints {
  readonly #init: SseEndpointsInit;
  readonly #sources: SourceGuard;
  readonly callers: CallerGuard;
  readonly discovery: Discovery;
  readonly #hot = new FastPath();
  readonly #probes = new Probes<RouterSession>();
  readonly #posts: PostedMessages;
  /** Servers of sessions that have ended, on their way out. */
  readonly #closings = new PendingWork();

  /** Whether what is known of a POST's caller does not say all that must be the same. */
  readonly #hasBoundHeaders: boolean;

  constructor(init: SseEndpointsInit) {
    this.#init = init;
    this.#hasBoundHeaders = init.options.boundHeaders.length > 0;
    const methods = init.authenticator?.methods ?? [];
    this.discovery = new Discovery(init.options, methods);
    this.callers = new CallerGuard(init, this.discovery);
    this.#sources = new SourceGuard(init.options, methods);
    this.#posts = new PostedMessages({ ...init, callers: this.callers, probes: this.#probes });
  }

  /** The route that a path below the mount leads to; one trailing slash is tolerated. */
  routeOf(path: string): Route | undefined {
    const { endpoint, messageEndpoint } = this.#init.options;
    if (path === messageEndpoint || path === `${messageEndpoint}/`) return "messages";
    if (path === endpoint || path === `${endpoint}/`) return "stream";
    return this.discovery.routeOf(path);
  }

  /** Answers a request to one of the routes. Never rejects, never calls the app's error handling. */
  async handle(req: IncomingMessage, res: ServerResponse, mount: Mount): Promise<void> {
    const route = this.routeOf(mount.path);
    try {
      if (route === undefined) throw new McpSseError("not_found", "There is nothing here.");
      if (route === "metadata") {
        this.discovery.answerMetadata(req, res, mount);
        return;
      }
      if (route === "server-metadata") {
        this.discovery.answerServerMetadata(req, res);
        return;
      }
      const signIn = route === "sign-in" ? this.discovery.signIn : undefined;
      const isForeignForm = signIn?.takesForeignForms?.(mount.path);
      const parts = partsOf(req);
      this.#sources.admit(req, res, parts, mount.viaTrustedProxy, isForeignForm);
      if (req.method === "OPTIONS") {
        this.callers.redact(req);
        answerPreflight(res);
        return;
      }
      if (route === "sign-in") {
        await signIn?.handle(req, res, mount.path);
        return;
      }
      checkMethod(req, route);
      const caller = await this.callers.identify(req, mount.address, mount);
      if (route === "stream") await this.#open(req, res, caller, mount);
      else {
        const session = this.#posts.findSession(req, caller, mount.routedBase);
        // The session's next one may be known by what this one shows.
        this.#hot.note(session, this.callers.remember(req, caller));
        this.#posts.receive(res, { req, parts, session, caller, mount });
      }
    } catch (error) {
      const later = route === "stream" ? this.#comeBackLater(req, error) : undefined;
      if (later === undefined || res.headersSent) this.callers.refuse(req, res, error);
      else sendRetry(res, later);
    }
  }

  /**
   * Answers a POST whose session is known by its URL, by the same steps as {@link handle} without
   * the search for them.
   *
   * @param otherwise gets every other request, and those of callers who are not let in: the
   * ordinary steps find out why.
   * @param next is handed to it.
   */
  handleHot<R extends IncomingMessage, S extends ServerResponse, N>(
    req: R,
    res: S,
    otherwise: (req: R, res: S, next: N) => void,
    next: N,
  ): void {
    const lane = this.#hot.find(req);
    if (lane === undefined) {
      otherwise(req, res, next);
      return;
    }
    const parts = partsOf(req);
    try {
      this.#sources.admit(req, res, parts, wasForwarded(parts, lane.trustsProxy));
    } catch (error) {
      this.callers.refuse(req, res, error);
      return;
    }
    const caller = this.callers.recall(req, lane.remembered);
    if (caller === undefined) void this.#askLane(req, res, lane, () => otherwise(req, res, next));
    else if (this.#hasBoundHeaders && !this.#posts.mayGoOn(req, caller, lane.session)) {
      otherwise(req, res, next);
    } else this.#posts.receive(res, postFor(lane, req, parts, caller));
  }

  async #askLane(
    req: IncomingMessage,
    res: ServerResponse,
    lane: FastRoute,
    otherwise: () => void,
  ): Promise<void> {
    const caller = await this.callers.look(req);
    if (caller === undefined || !this.#posts.mayGoOn(req, caller, lane.session)) {
      otherwise();
      return;
    }
    lane.remembered = this.callers.remember(req, caller);
    this.#posts.receive(res, postFor(lane, req, partsOf(req), caller));
  }

  /** Prepares every method that wants to be; rejects with the first that cannot. */
  async ready(): Promise<void> {
    await Promise.all(this.callers.methods.map(async (method) => method.start?.()));
  }

  /**
   * Takes no more sessions, waits for the calls in flight, at most `timeoutMs`, until their
   * answers are on their way, and ends all streams. A client that is away meanwhile may come back
   * for its answers.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#posts.isClosing = true;
    const { sessions, options } = this.#init;
    await settlesWithin(timeoutMs, sessions.whenSettled());
    const gone = sessions.endAll("shutting-down");
    const isDone = await settlesWithin(LAST_BYTES_MS, Promise.all([gone, this.#closings.done()]));
    if (!isDone) options.logger.warn("closed, although some servers or streams have not ended");
    await Promise.all(this.callers.methods.map(async (method) => method.stop?.()));
  }

  async #open(
    req: IncomingMessage,
    res: ServerResponse,
    caller: Caller,
    mount: Mount,
  ): Promise<void> {
    const { options } = this.#init;
    const endpoint = endpointFor(options, mount.base, caller);
    const streamPath = `${publicBase(options, mount.base)}${options.endpoint}`;
    const isSecure = mount.origin?.startsWith("https:") ?? false;
    const { address, routedBase } = mount;
    const request = { caller, address, endpoint, streamPath, mount: routedBase, isSecure };
    await openStream(req, res, request, {
      ...this.#init,
      probes: this.#probes,
      closings: this.#closings,
      checkOpen: () => {
        if (this.#posts.isClosing) throw shuttingDown();
      },
      opened: (session) => {
        if (!this.#init.knowsPosts) return;
        const { base, origin, routedBase, trustsProxy } = mount;
        const path = `${routedBase}${options.messageEndpoint}`;
        const remembered = this.callers.remember(req, caller);
        this.#hot.open({ session, path, mount: { base, origin }, trustsProxy, remembered });
      },
    });
  }

  /**
   * How soon a client is to come back that must not be told 404, 429, 500 or 503, in milliseconds:
   * official clients that come back take those for the end, and never try again.
   */
  #comeBackLater(req: IncomingMessage, error: unknown): number | undefined {
    const { resume } = this.#init.options;
    const { status } = toAnswer(error);
    if (resume === undefined || ![404, 429, 500, 503].includes(status)) return undefined;
    if (req.method !== "GET" || !isReconnect(readResumeHints(req))) return undefined;
    this.callers.redact(req);
    this.callers.log("put off the returning client's", req, error);
    return resume.retryMs;
  }
}

function postFor(
  { session, mount }: FastRoute,
  req: IncomingMessage,
  parts: RequestParts,
  caller: Caller,
): Post {
  return { req, parts, session, caller, mount };
}

function answerPreflight(res: ServerResponse): void {
  res.writeHead(204, { "Content-Length": "0" }).end();
}

/**
 * Refuses other methods before authentication: a newer client posts to the stream's URL first,
 * and this status is how it finds out that it must use HTTP+SSE.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility
 */
function checkMethod(req: IncomingMessage, route: keyof typeof METHOD): void {
  if (req.method === METHOD[route]) return;
  throw new McpSseError("method_not_allowed", `This path takes ${METHOD[route]} only.`, {
    headers: { Allow: `${METHOD[route]}, OPTIONS` },
  });
}
