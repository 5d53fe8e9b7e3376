import type { AdmittedRequest } from "../http/incoming-request.js";
import { KnownSessions } from "../http/known-sessions.js";
import type { CallerCache, KnownSession } from "../http/known-sessions.js";
import { baseOf, urlBelow } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import type { RouterSession } from "../http/router-session.js";
import type { FastRoute, TransportRoute } from "../http/transport.js";
import { isModern } from "./protocol-version.js";
import { sessionIdOf } from "./session-header.js";

/** The sessions whose POSTs are found by their header, at exactly the URL of their `initialize`. */
export class FastPath {
  readonly #known: KnownSessions<KnownSession & FastRoute>;

  constructor(callers: CallerCache) {
    this.#known = new KnownSessions(callers);
  }

  /** Knows a session from now on, until it ends. @param request the one that began it. */
  open(session: RouterSession, request: AdmittedRequest, route: TransportRoute): void {
    const { mount } = request;
    const place = routedUrl(request.req);
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
   * The session that a request is a POST for. One of 2026-07-28 has none, whatever it names.
   *
   * Security decision: all of the URL counts, query included, since a session's server may have been
   * made for what was in it; and as it is routed, with the mount in front of it, not as it was
   * before an application rewrote it. A URL that brought a credential is none that was kept.
   */
  find(req: HostRequest): FastRoute | undefined {
    if (req.method !== "POST") return undefined;
    const id = sessionIdOf(req);
    const known = id === undefined ? undefined : this.#known.find(id);
    if (known === undefined || isModern(req)) return undefined;
    return known.place === routedUrl(req) ? known : undefined;
  }
}

function routedUrl(req: HostRequest): string {
  const base = baseOf(req);
  const { url = "" } = req;
  return urlBelow(base, url);
}
