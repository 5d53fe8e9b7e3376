import type { CachedCaller } from "../auth/verified-cache.js";
import type { SeenMount } from "../http/discovery.js";
import type { TrustsProxy } from "../http/forwarded.js";
import type { RouterSession } from "../http/router-session.js";
import { baseOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";

/** Where the POSTs of a session arrive, and what its last one showed. */
export interface FastRoute {
  readonly session: RouterSession;
  /** Path of the message route as requests arrive here, without the query. */
  readonly path: string;
  /** Where its latest stream came in, as its client sees it. */
  readonly mount: SeenMount;
  readonly trustsProxy: TrustsProxy;
  /** Who sent the last request; `undefined` when nobody may be remembered. */
  remembered: CachedCaller | undefined;
}

const SESSION_QUERY = "?sessionId=";

/** Length of a session's id. */
const ID_LENGTH = 36;

/**
 * The sessions whose POSTs are known by their URL alone: exactly the one of the endpoint event.
 * Every other form of it takes the ordinary way, where it is judged.
 */
export class FastPath {
  readonly #lanes = new Map<string, FastRoute>();

  /** Knows a session from now on, until it ends. */
  open(lane: FastRoute): void {
    const { session } = lane;
    const isNew = !this.#lanes.has(session.id);
    if (session.state === "closed") return;
    this.#lanes.set(session.id, lane);
    if (isNew) session.onClosed(() => this.#lanes.delete(session.id));
  }

  /** Keeps who sent the session's last request. */
  note({ id }: RouterSession, remembered: CachedCaller | undefined): void {
    const lane = this.#lanes.get(id);
    if (lane !== undefined) lane.remembered = remembered;
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
    const lane = this.#lanes.get(url.slice(end - ID_LENGTH, end));
    if (lane?.path.length !== start || !url.startsWith(lane.path)) return undefined;
    return url.length === end || LATER_STREAM.test(url.slice(end)) ? lane : undefined;
  }
}

/** What the endpoint of a later stream of a session adds. */
const LATER_STREAM = /^&r=\d+$/;
