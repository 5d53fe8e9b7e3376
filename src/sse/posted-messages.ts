import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { hasLapsed } from "../auth/verified-cache.js";
import type { CallerGuard } from "../http/caller-guard.js";
import type { SeenMount } from "../http/discovery.js";
import { sessionIdOf } from "./endpoint-path.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { ErrorCode } from "../shared/errors.js";
import { headersToHide, PostExtra } from "../http/message-extra.js";
import { configuredMount, mountUrl } from "../http/metadata-routes.js";
import type { Sessions, RouterSession } from "../http/router-session.js";
import { PostedBytes } from "../http/posted-bytes.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { Requester } from "../session/continuation.js";
import type { HeldCall } from "../session/held-call.js";
import { isCall } from "../session/session-bytes.js";
import type { Probes } from "./probe.js";
import { namesVersion } from "./resume.js";
import type { ScopeChallenge } from "../session/session-info.js";
import { readMessage, wasRead } from "../http/message-body.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { RequestParts } from "../http/request-parts.js";

/** What taking messages needs. */
export interface PostedMessagesInit {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  readonly callers: CallerGuard;
  readonly probes: Probes<RouterSession>;
}

/** A POST for a session, of a caller who may go on with it. */
export interface Post {
  readonly req: IncomingMessage;
  /** Of the request. */
  readonly parts: RequestParts;
  readonly session: RouterSession;
  readonly caller: Caller;
  /** Where it came in. */
  readonly mount: SeenMount;
}

/** When to come back to a server that is going away, in seconds. */
const RETRY_AFTER_SHUTDOWN_SECONDS = 5;

/** What becomes of a POST once it is known who sent it: the steps from its session to its answer. */
export class PostedMessages {
  readonly #init: PostedMessagesInit;
  /** URL of the message route, if the operator wrote one down. */
  readonly #publicUrl: string | undefined;
  /** Whether no new calls are taken. */
  isClosing = false;

  constructor(init: PostedMessagesInit) {
    this.#init = init;
    const mount = configuredMount(init.options);
    this.#publicUrl = mount && `${mountUrl(mount)}${init.options.messageEndpoint}`;
  }

  /**
   * The session that a POST names, if it may go on with it.
   *
   * @param mount path of the mount as the POST arrived here.
   * @throws McpSseError if not.
   */
  findSession(req: IncomingMessage, caller: Caller, mount: string): RouterSession {
    const session = this.#init.sessions.find(sessionIdOf(req), requesterOf(req, caller, mount));
    if (session === undefined) throw sessionNotFound();
    return session;
  }

  /** Whether a POST that came to the URL of a session may go on with it. */
  mayGoOn(req: IncomingMessage, caller: Caller, session: RouterSession): boolean {
    return this.#init.sessions.takesFrom(session, requesterOf(req, caller, session.mount));
  }

  /** Takes a POST's message and answers the POST. Never throws. */
  receive(res: ServerResponse, post: Post): void {
    const { req, parts, session } = post;
    const { options, sessions, callers } = this.#init;
    const isRead = wasRead(req);
    const bytes = new PostedBytes(res, session, sessions);
    const body = {
      maxBytes: options.maxMessageBytes,
      parsedBody: isRead ? (req as { body?: unknown }).body : undefined,
      isRead,
      parts,
      timeoutMs: options.bodyTimeoutMs,
      gate: bytes,
    };
    const refuse = (error: unknown): void => {
      bytes.leave();
      bytes.call?.letGo();
      this.#noteLimit(error, session);
      callers.refuse(req, res, error);
    };
    const take = (message: JsonRpcMessage, isLate: boolean): void => {
      try {
        const taking = isLate
          ? this.#takeLate(message, post, bytes.call)
          : this.#take(message, post, bytes.call);
        if (taking === undefined) accept(res);
        else taking.then(() => accept(res)).catch(refuse);
      } catch (error) {
        refuse(error);
      }
    };
    readMessage(req, body, (read, isLate) => {
      try {
        const message = read();
        if (bytes.mayTake(message)) take(message, isLate);
        else bytes.waitToTake(() => take(message, true), refuse);
      } catch (error) {
        refuse(error);
      }
    });
  }

  /** Takes a message for which its sender took time; see {@link CallerGuard.confirm}. */
  #takeLate(
    message: JsonRpcMessage,
    post: Post,
    call: HeldCall | undefined,
  ): Promise<void> | undefined {
    const confirming = this.#init.callers.confirm(post.req, post.caller, post.mount);
    return confirming === undefined
      ? this.#take(message, post, call)
      : confirming.then((caller) => this.#take(message, { ...post, caller }, call));
  }

  /** @returns a promise only where the session's server takes its time to say who may call. */
  #take(
    message: JsonRpcMessage,
    post: Post,
    call: HeldCall | undefined,
  ): Promise<void> | undefined {
    const { req, parts, session, caller } = post;
    const { probes, callers } = this.#init;
    this.#checkNow(message, post);
    session.renew(caller.principal, caller.validUntil);
    if (probes.takeAnswer(message, session)) return undefined;
    const { beginning } = session;
    if (beginning.namesVersion === undefined && !beginning.isNew && "method" in message) {
      beginning.namesVersion = namesVersion(parts.headers);
    }
    const hidden = (): readonly string[] => headersToHide(req, caller, callers.methods);
    const extra = new PostExtra(req, caller.authInfo, hidden, parts, this.#publicUrl);
    const asked = session.scopeCheck?.(message, extra);
    const give = (lacking: ScopeChallenge | undefined): void => {
      if (lacking !== undefined) throw callers.lacksScopes(lacking, caller, post.mount);
      session.receive(message, extra, call);
    };
    if (!(asked instanceof Promise)) {
      give(asked);
      return undefined;
    }
    return asked.then(async (lacking) => {
      // Time has passed, although none that the sender could draw out: nobody is asked needlessly.
      const confirming = hasLapsed(caller) ? callers.confirm(req, caller, post.mount) : undefined;
      const now = (await confirming) ?? caller;
      this.#checkNow(message, { ...post, caller: now });
      give(lacking);
    });
  }

  /** Looks at what may have changed since the header was there. @throws McpSseError */
  #checkNow(message: JsonRpcMessage, { req, session, caller }: Post): void {
    // Another request may have brought more rights.
    if (caller.principal !== session.principal && !this.mayGoOn(req, caller, session)) {
      throw sessionNotFound();
    }
    if (this.isClosing && isCall(message)) throw shuttingDown();
  }

  #noteLimit(error: unknown, session: RouterSession): void {
    const limit = error instanceof McpSseError ? LIMIT_OF[error.code] : undefined;
    if (limit === undefined) return;
    const { principal } = session;
    this.#init.sessions.noteLimit({ limit, outcome: "refused", session, principal });
  }
}

/** Limits that are found where nobody knows of sessions. */
const LIMIT_OF: Readonly<Partial<Record<ErrorCode, "maxMessageSize" | "bodyTimeoutMs">>> = {
  message_too_large: "maxMessageSize",
  message_timeout: "bodyTimeoutMs",
};

function accept(res: ServerResponse): void {
  res.statusCode = 202;
  res.end();
}

function requesterOf(
  request: IncomingMessage,
  { ownerKey, principal }: Caller,
  mount: string | undefined,
): Requester {
  return { ownerKey, principal, mount, request };
}

function sessionNotFound(): McpSseError {
  return new McpSseError("session_not_found", "There is no such session: open a new stream.");
}

export function shuttingDown(): McpSseError {
  return new McpSseError("shutting_down", "The server is shutting down.", {
    headers: retryAfter(RETRY_AFTER_SHUTDOWN_SECONDS),
  });
}
