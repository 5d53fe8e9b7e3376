import type { Principal } from "../auth/principal.js";
import { sessionNotFound } from "../http/find-session.js";
import { beginAnew } from "../http/begin-anew.js";
import type { BeginningContext } from "../http/begin-anew.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { KeptHandshake } from "../http/moved-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { Channel } from "../session/channel.js";
import { hasStanding, standingOf } from "../session/continuation.js";
import type { ContinuationRules } from "../session/continuation.js";
import type { EndedSessions, SealedSession } from "../session/ended-sessions.js";
import type { SessionLimits } from "../session/limits.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { SealKey } from "../shared/seal.js";
import { knownVersion, versionHeaderOf } from "./protocol-version.js";
import { idIn, sessionNameOf } from "./session-header.js";
import { StreamableRequest } from "./streamable-request.js";
import { idKeys, openName, sealName } from "./sealed-id.js";
import type { InitializeParams, SealedFacts } from "./sealed-id.js";

/** A session whose client names it by more than its id. */
export type RestorableSession = RouterSession & { readonly channel: RestorableChannel };

/** As much of the channel of such a session as restoring takes. */
export interface RestorableChannel extends Channel {
  /** By what the client names the session, where that is more than its id. */
  name: string | undefined;
  /** The revision of MCP that the session has, once its server has said so. */
  protocolVersion: string | undefined;
}

/** What restoring sessions takes beside what opening them does. */
export interface RestoreContext {
  /** The first seals. */
  readonly secret: readonly string[];
  readonly maxAgeMs: number;
  readonly rules: ContinuationRules;
  readonly ended: EndedSessions<Principal | undefined>;
}

export interface SessionRestorerInit<S extends RestorableSession> extends BeginningContext {
  readonly restore: RestoreContext;
  /** Below the mount. */
  readonly path: string;
  /** Counts a session for its owner. @throws McpSseError where there is no room. */
  readonly createSession: (request: AdmittedRequest, post: StreamableRequest) => S;
  /** Whether a session is one of the transport's. */
  readonly isOwn: (session: RouterSession) => session is S;
}

/** A session that is not here, and that may be restored for whoever asks for it. */
interface KeptSession extends SealedSession {
  readonly facts: SealedFacts;
}

/**
 * Sessions that their clients take with them: all that is needed to go on is sealed in the name that
 * each request brings. So they outlast the process, and no other needs to be told of them.
 */
export class SessionRestorer<S extends RestorableSession> {
  readonly #init: SessionRestorerInit<S>;
  readonly #keys: readonly SealKey[];
  /** By their ids. A client comes back with several requests at a time. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Those that are not as far yet that anybody finds them. */
  readonly #returning = new Map<string, S>();
  #hasToldOfLength = false;

  constructor(init: SessionRestorerInit<S>) {
    this.#init = init;
    this.#keys = idKeys(init.restore.secret);
  }

  /** Gives a session a name by which it can be restored. @param message what it begins with. */
  nameSession(session: S, message: JsonRpcMessage): void {
    const [key] = this.#keys;
    const standing = standingOf(session, this.#init.restore.rules);
    const { params = {} } = message as { params?: InitializeParams };
    const sealedAt = Date.now();
    const name = key && standing && sealName(session.id, { sealedAt, standing, params }, key);
    if (name === undefined) {
      this.#tellOfLength();
      return;
    }
    session.sealedAt = sealedAt;
    session.channel.name = name;
  }

  /**
   * The session that a request names and that is not here, once it is.
   *
   * Security decision: who waits for it while another request restores it has to be let into what that
   * request has made: it may have brought more rights.
   *
   * @throws McpSseError 404 that is the same for another's and for none; and whatever keeps one from
   * being opened.
   */
  async restore(request: AdmittedRequest): Promise<S> {
    const { sessions, isOwn } = this.#init;
    const asker = this.#askerOf(request);
    const kept = this.#keptFor(asker);
    if (kept === undefined) throw sessionNotFound();
    const { id } = kept;
    const own = sessions.ownedBy(asker, isOwn);
    // It may have come back while the message was read.
    const isHere = sessions.get(id) !== undefined && !this.#underWay.has(id);
    if (!isHere) await (this.#underWay.get(id) ?? this.#begin(kept, request));
    const found = own.byId(id);
    if (found === undefined) throw sessionNotFound();
    return found;
  }

  #begin(kept: KeptSession, request: AdmittedRequest): Promise<void> {
    const { id } = kept;
    const restoring = this.#open(kept, request).finally(() => {
      this.#underWay.delete(id);
      this.#returning.delete(id);
    });
    this.#underWay.set(id, restoring);
    return restoring;
  }

  /** Has a session that is not here, or not yet, never be restored. @returns whether its client may say so. */
  end(request: AdmittedRequest): boolean {
    const kept = this.#keptFor(this.#askerOf(request));
    if (kept === undefined) return false;
    const returning = this.#returning.get(kept.id);
    if (returning === undefined && this.#init.sessions.get(kept.id) !== undefined) return false;
    returning?.end("deleted");
    this.#init.restore.ended.note(kept);
    return true;
  }

  /**
   * Security decision: a session is restored for whoever could go on with it if it were here, as long as
   * its name counts, and unless it has ended for good. Its server is made for who asks now, so nobody
   * gets more of it than by beginning one.
   */
  #keptFor(asker: StreamableRequest): KeptSession | undefined {
    const { restore } = this.#init;
    const { ownerKey, principal, limits, request } = asker;
    const maxAgeMs = Math.min(
      restore.maxAgeMs,
      limits.lifetimeMs > 0 ? limits.lifetimeMs : Infinity,
    );
    const name = sessionNameOf(request) ?? "";
    const facts = openName(name, this.#keys, { now: Date.now(), maxAgeMs });
    if (facts === undefined) return undefined;
    const kept = { id: idIn(name), ownerKey, sealedAt: facts.sealedAt, facts };
    const mayGoOn =
      hasStanding(asker, facts.standing, restore.rules) && !restore.ended.has(kept, principal);
    return mayGoOn ? kept : undefined;
  }

  #askerOf(request: AdmittedRequest): StreamableRequest {
    return new StreamableRequest(request, this.#init.path, this.#init.options);
  }

  /** Counts as an opening does, but ends with nobody's connection: others may wait for it. */
  async #open({ id, facts }: KeptSession, request: AdmittedRequest): Promise<void> {
    const { options, shutdown, path, createSession } = this.#init;
    shutdown.checkOpen();
    const limits = remaining(options.limits, Date.now() - facts.sealedAt);
    const post = new StreamableRequest(request, path, { ...options, limits }, id);
    const session = createSession(request, post);
    this.#returning.set(id, session);
    session.sealedAt = facts.sealedAt;
    session.channel.name = sessionNameOf(request.req);
    const before = { said: saidIn(facts.params, request), isOpeningLost: false };
    session.channel.protocolVersion = await beginAnew(session, before, request, this.#init);
  }

  #tellOfLength(): void {
    if (this.#hasToldOfLength) return;
    this.#hasToldOfLength = true;
    this.#init.options.logger.warn(
      "A client says too much of itself, or its credential has too many scopes, or a bound claim that " +
        "cannot be written down: its session cannot be restored.",
    );
  }
}

/** What is left of a session's time. */
function remaining(limits: SessionLimits, ageMs: number): SessionLimits {
  const { lifetimeMs } = limits;
  return lifetimeMs > 0 ? { ...limits, lifetimeMs: Math.max(1, lifetimeMs - ageMs) } : limits;
}

/** What the client once said, and by which revision of MCP it speaks now. */
function saidIn(params: InitializeParams, { req }: AdmittedRequest): KeptHandshake {
  const protocolVersion = knownVersion(versionHeaderOf(req));
  return {
    id: 0,
    params,
    protocolVersion,
    isInitialized: true,
    level: undefined,
    subscriptions: [],
  };
}
