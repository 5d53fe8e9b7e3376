import type { Caller } from "../auth/outcome.js";
import type { CachedCaller } from "../auth/verified-cache.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { HostRequest } from "./mount.js";

/** What is known of a session whose POSTs need no search; a `FastRoute` with where they come in. */
export interface KnownSession {
  readonly session: {
    readonly id: string;
    readonly state: string;
    onClosed(listener: () => void): void;
  };
  /** As requests arrive here; what of the URL it is, the transport decides. */
  readonly place: string;
  /** Who sent its last request; `undefined` when that has to be asked each time. */
  lastCaller: CachedCaller | undefined;
}

/** Says who made a request, for later ones with the same credential; a `CallerGuard` is one. */
export interface CallerCache {
  /** @returns `undefined` where every request must be verified. */
  cache(req: HostRequest, caller: Caller): CachedCaller | undefined;
}

/** The sessions of a transport whose POSTs are recognized before they are routed, by their ids. */
export class KnownSessions<K extends KnownSession> {
  readonly #entries = new Map<string, K>();
  readonly #callers: CallerCache;

  constructor(callers: CallerCache) {
    this.#callers = callers;
  }

  /** Knows a session from now on, until it ends. @param request by which its client was reached last. */
  open(known: K, { req, caller }: AdmittedRequest): void {
    const { session } = known;
    // Of one that another node has relayed nothing is known that its next request here would show.
    if (session.state === "closed" || caller.isRelayed === true) return;
    const isNew = !this.#entries.has(session.id);
    known.lastCaller = this.#callers.cache(req, caller);
    this.#entries.set(session.id, known);
    if (isNew) session.onClosed(() => this.#entries.delete(session.id));
  }

  /** Keeps who sent the session's last message: the next one may be known by what this one shows. */
  note(id: string, { req, caller }: AdmittedRequest): void {
    const known = this.#entries.get(id);
    if (known === undefined || known.lastCaller?.caller === caller) return;
    if (caller.isRelayed === true) return;
    known.lastCaller = this.#callers.cache(req, caller);
  }

  find(id: string): K | undefined {
    return this.#entries.get(id);
  }
}
