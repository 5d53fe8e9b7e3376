import type { Caller } from "../auth/outcome.js";
import type { CachedCaller } from "../auth/verified-cache.js";
import { baseOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import type { RouterSession } from "../http/router-session.js";
import type { FastRoute, TransportRoute } from "../http/transport.js";
import type { AdmittedRequest } from "../http/incoming-request.js";

/** A {@link FastRoute}, found by the URL of its session's POSTs. */
interface Entry extends FastRoute {
  /** Path of the message route as requests arrive here, without the query. */
  readonly routedPath: string;
  lastCaller: FastRoute["lastCaller"];
}

/** Says who made a request, for later ones with the same credential; a `CallerGuard` is one. */
export interface CallerCache {
  /** @returns `undefined` where every request must be verified. */
  cache(req: HostRequest, caller: Caller): CachedCaller | undefined;
}

const SESSION_QUERY = "?sessionId=";

/** Length of a session's id. */
const ID_LENGTH = 36;

/**
 * The sessions whose POSTs are found by their URL alone: exactly the one of the endpoint event.
 * Every other form of it is looked up like any path.
 */
export class FastPath {
  readonly #entries = new Map<string, Entry>();
  readonly #route: TransportRoute;
  readonly #callers: CallerCache;

  /** @param route of the messages. */
  constructor(route: TransportRoute, callers: CallerCache) {
    this.#route = route;
    this.#callers = callers;
  }

  /** Knows a session from now on, until it ends. @param request for its latest stream. */
  open(session: RouterSession, { req, mount, caller }: AdmittedRequest): void {
    if (session.state === "closed") return;
    const isNew = !this.#entries.has(session.id);
    this.#entries.set(session.id, {
      kind: "fast",
      route: this.#route,
      session,
      mount,
      routedPath: `${mount.routedBase}${this.#route.path}`,
      lastCaller: this.#callers.cache(req, caller),
    });
    if (isNew) session.onClosed(() => this.#entries.delete(session.id));
  }

  /** Keeps who sent the session's last message: the next one may be known by what this one shows. */
  note({ id }: RouterSession, { req, caller }: AdmittedRequest): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.lastCaller?.caller === caller) return;
    entry.lastCaller = this.#callers.cache(req, caller);
  }

  /**
   * The session that a request is a POST for.
   *
   * Security decision: the URL counts as it is routed, with the mount in front of it, and not as it
   * was before an application rewrote it: whether that one may be used, the application has decided
   * for where it leads.
   */
  find(req: HostRequest): FastRoute | undefined {
    if (req.method !== "POST") return undefined;
    const url = `${baseOf(req)}${req.url ?? ""}`;
    const start = url.indexOf(SESSION_QUERY);
    const end = start + SESSION_QUERY.length + ID_LENGTH;
    const entry = this.#entries.get(url.slice(end - ID_LENGTH, end));
    if (entry?.routedPath.length !== start || !url.startsWith(entry.routedPath)) return undefined;
    return url.length === end || LATER_STREAM.test(url.slice(end)) ? entry : undefined;
  }
}

/** What the endpoint of a later stream of a session adds. */
const LATER_STREAM = /^&r=\d+$/;
