import { baseOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { KnownSessions } from "../http/known-sessions.js";
import type { CallerCache, KnownSession } from "../http/known-sessions.js";
import type { RouterSession } from "../http/router-session.js";
import type { FastRoute, TransportRoute } from "../http/transport.js";

const SESSION_QUERY = "?sessionId=";

/** Length of a session's id. */
const ID_LENGTH = 36;

/**
 * The sessions whose POSTs are found by their URL alone: exactly the one of the endpoint event.
 * Every other form of it is looked up like any path.
 */
export class FastPath {
  readonly #known: KnownSessions<KnownSession & FastRoute>;
  readonly #route: TransportRoute;

  /** @param route of the messages. */
  constructor(route: TransportRoute, callers: CallerCache) {
    this.#route = route;
    this.#known = new KnownSessions(callers);
  }

  /** Knows a session from now on, until it ends. @param request for its latest stream. */
  open(session: RouterSession, request: AdmittedRequest): void {
    const { mount } = request;
    const place = `${mount.routedBase}${this.#route.path}`;
    const route = this.#route;
    this.#known.open(
      { kind: "fast", route, session, mount, place, lastCaller: undefined },
      request,
    );
  }

  /** A message of the session has come. */
  note(session: RouterSession, request: AdmittedRequest): void {
    this.#known.note(session.id, request);
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
    const known = this.#known.find(url.slice(end - ID_LENGTH, end));
    if (known?.place.length !== start || !url.startsWith(known.place)) return undefined;
    return url.length === end || LATER_STREAM.test(url.slice(end)) ? known : undefined;
  }
}

/** What the endpoint of a later stream of a session adds. */
const LATER_STREAM = /^&r=\d+$/;
