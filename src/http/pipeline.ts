import type { ServerResponse } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { LAST_BYTES_MS } from "../session/close-reason.js";
import { settlesWithin } from "../shared/timeout.js";
import { answerRelayed } from "./answer-relayed.js";
import type { RelayedArrival } from "./relayed-arrival.js";
import type { Discovery } from "./discovery.js";
import { drain, whenAnswered } from "./drain.js";
import type { Elsewhere } from "./elsewhere.js";
import { hasLeft } from "./follow-session.js";
import { findHere } from "./find-here.js";
import { requesterOf, sessionNotFound } from "./find-session.js";
import { wasForwarded } from "./forwarded.js";
import { incomingRequest } from "./incoming-request.js";
import type { HostRequest } from "./mount.js";
import { redactCredentials } from "./redact-query.js";
import { partsOf } from "./request-parts.js";
import { routeFor, RouteTable } from "./route-table.js";
import type { Target, TransportTarget } from "./route-table.js";
import { whenFinished } from "./response-end.js";
import type { RouterContext } from "./router-context.js";
import type { RouterSession } from "./router-session.js";
import type { SourceGuard } from "./source-guard.js";
import type { FastRoute, Transport, TransportRoute } from "./transport.js";
import type { AdmittedRequest, IncomingRequest, RefusedRequest } from "./incoming-request.js";

/** What a {@link Pipeline} is made of; the guards are the endpoint's, whatever its transports. */
export interface PipelineInit extends RouterContext {
  readonly transports: readonly Transport[];
  readonly discovery: Discovery;
  readonly sources: SourceGuard;
  /** The sessions of other nodes; `undefined` where there are none. */
  readonly elsewhere: Elsewhere | undefined;
}

/** A request from when it came, with its caller as soon as that is let in. */
interface ReceivedRequest extends RefusedRequest {
  caller: Caller | undefined;
}

/** A request of which it is known which route of which transport answers it. */
interface RoutedRequest {
  readonly received: ReceivedRequest;
  readonly request: IncomingRequest;
  readonly target: TransportTarget | FastRoute;
  readonly route: TransportRoute;
  /** See {@link Pipeline.answerFast}; `undefined` for a request that came the ordinary way. */
  readonly passOn: (() => void) | undefined;
}

/**
 * Every step of a request, once, on Node's request and response:
 *
 * 1. *route*: what the path leads to ({@link RouteTable}); public documents end here
 * 2. *source*: Host, Origin, and the headers of every response ({@link SourceGuard})
 * 3. *preflight*: answered without a caller; the pages of a sign-in end after it
 * 4. *method*: 405 before authentication
 * 5. *caller*: 401, 403 or 503 for who is not let in ({@link CallerGuard})
 * 6. *session*: 404 unless the caller may continue the one that is named
 * 7. the transport's `answer` ({@link Transport}); for messages that is {@link MessageReceiver},
 *    with *body*, *rights* and *delivery*
 *
 * What any of them throws is the *refusal* ({@link Refusals}). A step that decides over every request,
 * whatever it carries, belongs here after the caller; one that decides over a message, such as a
 * policy about tools, belongs to the rights.
 */
export class Pipeline {
  readonly #init: PipelineInit;
  readonly #routes: RouteTable;
  /** Whether what is cached of a caller does not say all that must be the same. */
  readonly #hasBoundHeaders: boolean;

  constructor(init: PipelineInit) {
    this.#init = init;
    this.#routes = new RouteTable(init.transports, init.discovery);
    this.#hasBoundHeaders = init.options.boundHeaders.length > 0;
  }

  get paths(): readonly string[] {
    return this.#routes.paths;
  }

  /** What a path below the mount leads to; `undefined` for a path that is none of ours. */
  find(path: string): Target | undefined {
    return this.#routes.find(path);
  }

  /** Answers a request to a path of ours. Never rejects, never calls the app's error handling. */
  async answer(req: HostRequest, res: ServerResponse, target: Target): Promise<void> {
    await this.#run({ req, res, caller: undefined }, target);
  }

  /**
   * Answers a request that a transport recognizes, before anybody else has looked at it.
   *
   * @param otherwise gets every other request, and those of callers who are not let in: with it
   * they go the way that ends in {@link answer}, which says why.
   * @param next is handed to it.
   */
  answerFast<R extends HostRequest, S extends ServerResponse, N>(
    req: R,
    res: S,
    otherwise: (req: R, res: S, next: N) => void,
    next: N,
  ): void {
    const fast = this.#routes.recognize(req);
    if (fast === undefined) {
      otherwise(req, res, next);
      return;
    }
    void this.#run({ req, res, caller: undefined }, fast, () => otherwise(req, res, next));
  }

  /** Answers a request that another node has let in, from step 6 on. Never rejects. */
  async answerRelayed(arrival: RelayedArrival): Promise<void> {
    await answerRelayed(arrival, { ...this.#init, routes: this.#routes });
  }

  /** Prepares every method that wants to be, and joins the other nodes; rejects with the first that cannot. */
  async ready(): Promise<void> {
    const { callers, keeper } = this.#init;
    const starting = callers.methods.map(async (method) => method.start?.());
    await Promise.all([...starting, keeper?.ready()]);
  }

  /**
   * Takes no more sessions, waits for the calls in flight, at most `timeoutMs`, until their
   * answers are on their way, and ends all streams. A client that is away meanwhile may come back
   * for its answers. With other nodes the sessions go on there, see {@link drain}.
   */
  async close(timeoutMs: number): Promise<void> {
    const { shutdown, sessions, options, callers, keeper } = this.#init;
    const until = performance.now() + timeoutMs;
    shutdown.hasBegun = true;
    keeper?.drain();
    if (keeper?.movesSessions === true) await drain({ sessions, keeper, shutdown }, timeoutMs);
    else await settlesWithin(timeoutMs, whenAnswered(this.#init));
    const gone = sessions.endAll("shutting-down");
    const isDone = await settlesWithin(
      LAST_BYTES_MS,
      Promise.all([gone, shutdown.closings.done()]),
    );
    if (!isDone) options.logger.warn("closed, although some servers or streams have not ended");
    // Callers still come, whose sessions have left, and are let in.
    await keeper?.stop(Math.max(LAST_BYTES_MS, until - performance.now()), shutdown.relayed);
    await callers.stop();
  }

  /**
   * The steps, in their order. Most requests of sessions are answered without a wait, and these
   * make no promise, since there is one for each call. Never rejects.
   *
   * @param received the request as its host handed it over.
   * @param passOn takes a request on the fast path whose caller or session is not the expected one.
   */
  #run(
    received: ReceivedRequest,
    target: Target | FastRoute,
    passOn?: () => void,
  ): Promise<void> | undefined {
    let route: TransportRoute | undefined;
    const refuse = (error: unknown): void => this.#init.refusals.refuse(received, error, route);
    try {
      // It asks functions of the application, such as that of Express's `trust proxy`.
      const request = describe(received, target);
      if (target.kind === "document") {
        target.send(request);
        return undefined;
      }
      const isSignIn = target.kind === "sign-in";
      this.#init.sources.admit(request, isSignIn && target.takesForeignForms);
      if (request.req.method === "OPTIONS") {
        this.#sendPreflight(request);
        return undefined;
      }
      if (isSignIn) return target.handle(request).catch(refuse);
      route = target.kind === "fast" ? target.route : routeFor(target, request.req);
      return this.#identify({ received, request, target, route, passOn })?.catch(refuse);
    } catch (error) {
      refuse(error);
      return undefined;
    }
  }

  #identify(routed: RoutedRequest): Promise<void> | undefined {
    const caller = this.#callerOf(routed.request, routed.target);
    if (!(caller instanceof Promise)) return this.#find(routed, caller, true);
    // Whoever is let in may have a session of another node.
    if (this.#init.elsewhere !== undefined) this.#noteRelayed(routed.request);
    return caller.then((verified) => this.#find(routed, verified, false));
  }

  #find(
    routed: RoutedRequest,
    caller: Caller | undefined,
    isCached: boolean,
  ): Promise<void> | undefined {
    routed.received.caller = caller;
    const admitted = caller && admit(routed, caller);
    if (admitted === undefined) {
      routed.passOn?.();
      return undefined;
    }
    const { elsewhere } = this.#init;
    if (elsewhere !== undefined && routed.target.kind !== "fast") {
      return this.#findAnywhere(routed, admitted, elsewhere);
    }
    return this.#handOver(routed, admitted, this.#sessionOf(admitted, routed, isCached));
  }

  #handOver(
    { target, route, passOn }: RoutedRequest,
    admitted: AdmittedRequest,
    session: RouterSession | undefined,
  ): Promise<void> | undefined {
    if (target.kind === "fast" && session === undefined) {
      passOn?.();
      return undefined;
    }
    return route.answer(admitted, session) ?? undefined;
  }

  /** Where sessions may be at other nodes: one that is not here is gone on with, or its node answers. */
  #findAnywhere(
    routed: RoutedRequest,
    request: AdmittedRequest,
    elsewhere: Elsewhere,
  ): Promise<void> | undefined {
    this.#init.keeper?.join();
    const id = routed.route.sessionId?.(request.req);
    if (id === undefined) return this.#handOver(routed, request, undefined);
    const admitted: AdmittedRequest = {
      ...request,
      again: () => {
        const refuse = (error: unknown): void =>
          this.#init.refusals.refuse(request, error, routed.route);
        void this.#goOn(id, routed, admitted, elsewhere).catch(refuse);
      },
    };
    const here = findHere(this.#init, id, admitted);
    if (here instanceof Promise) {
      this.#noteRelayed(admitted);
      return here.then((session) =>
        session === undefined
          ? this.#goOn(id, routed, admitted, elsewhere)
          : this.#handOverOrFollow(routed, admitted, session),
      );
    }
    if (here !== undefined) return this.#handOverOrFollow(routed, admitted, here);
    return this.#goOn(id, routed, admitted, elsewhere);
  }

  async #goOn(
    id: string,
    routed: RoutedRequest,
    admitted: AdmittedRequest,
    elsewhere: Elsewhere,
  ): Promise<void> {
    this.#noteRelayed(admitted);
    const found = await elsewhere.goOn(id, admitted, routed.route);
    if (found.kind === "answered") return;
    if (found.kind === "none" && routed.route.isSessionOptional !== true) throw sessionNotFound();
    const session = found.kind === "here" ? found.session : undefined;
    if (session === undefined) await this.#handOver(routed, admitted, undefined);
    else await this.#handOverOrFollow(routed, admitted, session);
  }

  /** One that goes to another node in this moment is followed there. */
  #handOverOrFollow(
    routed: RoutedRequest,
    admitted: AdmittedRequest,
    session: RouterSession,
  ): Promise<void> | undefined {
    const follow = (error: unknown): void => {
      if (admitted.res.headersSent || !hasLeft(session, error)) throw error;
      admitted.again?.();
    };
    try {
      return this.#handOver(routed, admitted, session)?.catch(follow);
    } catch (error) {
      follow(error);
      return undefined;
    }
  }

  /** Has whoever closes this endpoint wait for the response. A stream is left to its client, which comes back. */
  #noteRelayed({ req, res }: RefusedRequest): void {
    if (req.method === "POST") this.#init.shutdown.relayed.add(whenFinished(res));
  }

  #sendPreflight({ req, res }: IncomingRequest): void {
    redactCredentials(req, this.#init.callers.methods);
    res.writeHead(204, { "Content-Length": "0" }).end();
  }

  /** The caller, at once if it is the cached one. `undefined` if it is for others to say why not. */
  #callerOf(
    { req, mount, path }: IncomingRequest,
    target: TransportTarget | FastRoute,
  ): Caller | Promise<Caller | undefined> {
    const { callers } = this.#init;
    return target.kind === "fast"
      ? (callers.cached(req, target.lastCaller) ?? callers.verify(req))
      : (callers.known(req) ?? callers.identify(req, { mount, path }));
  }

  /**
   * The session that a request names. `undefined` if it names none, or if it is another than the
   * fast path has led to; and where its route does not need one.
   *
   * @throws McpSseError 404 for one that its caller may not continue.
   */
  #sessionOf(
    request: AdmittedRequest,
    { route, target }: RoutedRequest,
    isCached: boolean,
  ): RouterSession | undefined {
    const { sessions, keeper } = this.#init;
    if (target.kind === "fast") {
      // Who is known by the same credential has the same rights, but headers are no part of it.
      const isSame = isCached && !this.#hasBoundHeaders;
      const { session } = target;
      if (keeper?.isCertain === false) return undefined;
      return isSame || sessions.takesFrom(session, requesterOf(request)) ? session : undefined;
    }
    const id = route.sessionId?.(request.req);
    if (id === undefined) return undefined;
    const found = sessions.find(id, requesterOf(request));
    if (found === undefined && route.isSessionOptional !== true) throw sessionNotFound();
    return found;
  }
}

/** What is known of a request before anything that it says of itself counts. */
function describe({ req, res }: RefusedRequest, target: Target | FastRoute): IncomingRequest {
  if (target.kind !== "fast") return incomingRequest(req, res);
  const { mount, route } = target;
  const parts = partsOf(req);
  const viaTrustedProxy = wasForwarded(parts, mount.trustsProxy);
  return { req, res, parts, path: route.path, mount, viaTrustedProxy };
}

function admit({ request, passOn }: RoutedRequest, caller: Caller): AdmittedRequest {
  const { req, res, parts, path, mount, viaTrustedProxy } = request;
  return { req, res, parts, path, mount, viaTrustedProxy, caller, passOn };
}
