import type { IncomingMessage, ServerResponse } from "node:http";
import { ANONYMOUS } from "./auth/authenticate.js";
import type { AuthEndpoints } from "./auth/auth-method.js";
import type { Authenticator, Caller } from "./auth/authenticate.js";
import { refusalAnswer, refusalReason } from "./auth/challenge.js";
import { isDiscoverable, resourcePathOf } from "./auth/protected-resource.js";
import { answerError, describeCause } from "./answer-error.js";
import { endpointFor } from "./endpoint-path.js";
import { McpSseError, retryAfter } from "./errors.js";
import { headersToHide, PostExtra } from "./message-extra.js";
import {
  answerDocument,
  answerMetadata,
  configuredMount,
  isServerMetadataPath,
  metadataUrl,
  resourceUrl,
} from "./metadata-routes.js";
import type { PublicMount } from "./metadata-routes.js";
import { openSession } from "./open-session.js";
import type { RouterSession, ServerFactory, Sessions } from "./open-session.js";
import type { ResolvedOptions } from "./options.js";
import { redactQuery } from "./redact-query.js";
import { SourceGate } from "./source-gate.js";
import { readMessage, wasRead } from "./wire/message-body.js";
import type { JsonRpcMessage } from "./wire/message-body.js";

/** Where a request stands in the host's application. */
export interface Mount {
  /** Path below the mount, without query. */
  readonly path: string;
  /** Path of the mount as clients see it; empty at the root. */
  readonly base: string;
  /** Scheme, host and port as clients see them; `undefined` when the request's Host is none. */
  readonly origin: string | undefined;
  /** Whether a proxy that the application trusts forwarded the request. */
  readonly viaTrustedProxy: boolean;
}

/** The two routes of the transport, the documents about them, and the routes of a sign-in. */
type Route = keyof typeof METHOD | "metadata" | "server-metadata" | "sign-in";

/** The only method that a route of the transport takes. */
const METHOD = { stream: "GET", messages: "POST" } as const;

/** What the endpoints are made of. */
export interface SseEndpointsInit {
  readonly options: ResolvedOptions;
  /** `undefined` for an endpoint that is explicitly open. */
  readonly authenticator: Authenticator | undefined;
  readonly sessions: Sessions;
  readonly createServer: ServerFactory;
}

/** When to come back to a server that is going away, in seconds. */
const RETRY_AFTER_SHUTDOWN_SECONDS = 5;

/**
 * The event stream and the message route, on Node's request and response: every step that a
 * request takes, in order.
 */
export class SseEndpoints {
  readonly #init: SseEndpointsInit;
  readonly #gate: SourceGate;
  readonly #isDiscoverable: boolean;
  /** Callers whose credential stood in the URL: it is not there any more for a second look. */
  readonly #redacted = new WeakMap<IncomingMessage, Caller>();
  /** The routes of a method that is an authorization server itself. */
  readonly #signIn: AuthEndpoints | undefined;
  #isClosing = false;

  constructor(init: SseEndpointsInit) {
    this.#init = init;
    const methods = init.authenticator?.methods ?? [];
    this.#isDiscoverable = isDiscoverable(methods);
    this.#signIn = methods.find((method) => method.endpoints !== undefined)?.endpoints;
    this.#gate = new SourceGate(init.options, methods);
  }

  /** The route that a path below the mount leads to; one trailing slash is tolerated. */
  routeOf(path: string): Route | undefined {
    const { endpoint, messageEndpoint } = this.#init.options;
    if (path === messageEndpoint || path === `${messageEndpoint}/`) return "messages";
    if (path === endpoint || path === `${endpoint}/`) return "stream";
    if (!this.#isDiscoverable) return undefined;
    if (this.#signIn !== undefined) {
      if (path.startsWith(`${this.#signIn.prefix}/`)) return "sign-in";
      if (isServerMetadataPath(path, this.#signIn.issuer, "mount")) return "server-metadata";
    }
    const resourcePath = resourcePathOf(path);
    return resourcePath === "" || resourcePath === endpoint ? "metadata" : undefined;
  }

  /** Answers a request to one of the routes. Never rejects, never calls the app's error handling. */
  async handle(req: IncomingMessage, res: ServerResponse, mount: Mount): Promise<void> {
    const route = this.routeOf(mount.path);
    try {
      if (route === undefined) throw new McpSseError("not_found", "There is nothing here.");
      if (route === "metadata") {
        this.answerMetadata(req, res, mount);
        return;
      }
      if (route === "server-metadata") {
        this.answerServerMetadata(req, res);
        return;
      }
      const isForeignForm = route === "sign-in" && this.#signIn?.takesForeignForms?.(mount.path);
      this.#gate.admit(req, res, mount.viaTrustedProxy, isForeignForm);
      if (req.method === "OPTIONS") {
        this.#redact(req);
        answerPreflight(res);
        return;
      }
      if (route === "sign-in") {
        await this.#signIn?.handle(req, res, mount.path);
        return;
      }
      checkMethod(req, route);
      const caller = await this.identify(req, mount);
      if (route === "stream") await this.#open(req, res, caller, mount);
      else await this.#receive(req, res, caller);
    } catch (error) {
      this.refuse(req, res, error);
    }
  }

  /** The path below the mount that the documents speak of; `undefined` when there are none. */
  get discoverablePath(): string | undefined {
    return this.#isDiscoverable ? this.#init.options.endpoint : undefined;
  }

  /** The mount as configured, else as this request shows it. */
  publicMount(seen: Pick<Mount, "base" | "origin"> | undefined): PublicMount | undefined {
    const configured = configuredMount(this.#init.options);
    if (configured !== undefined || seen?.origin === undefined) return configured;
    return { origin: seen.origin, base: seen.base };
  }

  /** Answers with the document about the event stream of a mount, and refuses what is no GET. */
  answerMetadata(
    req: IncomingMessage,
    res: ServerResponse,
    seen: Pick<Mount, "base" | "origin">,
  ): void {
    try {
      const mount = this.publicMount(seen);
      if (mount === undefined) throw new McpSseError("not_found", "There is nothing here.");
      const { options, authenticator } = this.#init;
      answerMetadata(req, res, resourceUrl(mount, options), authenticator?.methods ?? []);
    } catch (error) {
      this.refuse(req, res, error);
    }
  }

  /** Whether a path at the host's root leads to the metadata of a sign-in of ours. */
  isServerMetadata(path: string): boolean {
    return this.#signIn !== undefined && isServerMetadataPath(path, this.#signIn.issuer, "root");
  }

  /** Answers with the metadata of the sign-in. @see RFC 8414, section 3.2 */
  answerServerMetadata(req: IncomingMessage, res: ServerResponse): void {
    try {
      answerDocument(req, res, this.#signIn?.metadata() ?? {});
    } catch (error) {
      this.refuse(req, res, error);
    }
  }

  /** Prepares every method that wants to be; rejects with the first that cannot. */
  async ready(): Promise<void> {
    const methods = this.#init.authenticator?.methods ?? [];
    await Promise.all(methods.map(async (method) => method.start?.()));
  }

  /**
   * The caller of a request, for the routes here and for the guard.
   *
   * @param mount where the request came in, if that is the endpoint itself.
   * @throws RefusedCaller with the answer for a caller who is not let in.
   */
  async identify(req: IncomingMessage, mount?: Mount): Promise<Caller> {
    const { authenticator } = this.#init;
    if (authenticator === undefined) return ANONYMOUS;
    const known = this.#redacted.get(req);
    if (known !== undefined) return known;
    const { methods } = authenticator;
    const outcome = await authenticator.authenticate(req);
    this.#redact(req);
    if (outcome.kind === "authenticated") {
      const { caller } = outcome;
      if (caller.credential?.place === "query") this.#redacted.set(req, caller);
      return caller;
    }
    const at = this.#isDiscoverable ? this.publicMount(mount) : undefined;
    const document = at === undefined ? undefined : metadataUrl(at, this.#init.options);
    throw new RefusedCaller(
      refusalReason(outcome, methods),
      refusalAnswer(outcome, methods, document),
    );
  }

  /**
   * Takes no more sessions, waits for the calls in flight, at most `timeoutMs`, and ends all
   * streams.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    const { sessions } = this.#init;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([sessions.whenIdle(), late]);
    clearTimeout(timer);
    sessions.endAll("shutting-down");
    const methods = this.#init.authenticator?.methods ?? [];
    await Promise.all(methods.map(async (method) => method.stop?.()));
  }

  async #open(
    req: IncomingMessage,
    res: ServerResponse,
    caller: Caller,
    mount: Mount,
  ): Promise<void> {
    if (this.#isClosing) throw shuttingDown();
    const { options } = this.#init;
    const endpoint = endpointFor(options, mount.base, caller);
    await openSession(req, res, { caller, endpoint }, this.#init);
  }

  async #receive(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    const session = this.#findSession(req, caller);
    const message = await readMessage(req, {
      maxBytes: this.#init.options.maxMessageBytes,
      parsedBody: wasRead(req) ? (req as { body?: unknown }).body : undefined,
    });
    if (this.#isClosing && isCall(message)) throw shuttingDown();
    session.renew(caller.principal, caller.validUntil);
    const methods = this.#init.authenticator?.methods ?? [];
    session.receive(
      message,
      new PostExtra(req, caller.authInfo, headersToHide(req, caller, methods)),
    );
    res.writeHead(202).end("Accepted");
  }

  #findSession(req: IncomingMessage, caller: Caller): RouterSession {
    const ids = queryOf(req).getAll("sessionId");
    const [id] = ids;
    if (id === undefined || ids.length > 1) {
      throw new McpSseError(
        "session_id_required",
        "The query must name exactly one sessionId, as in the endpoint event.",
      );
    }
    const session = this.#init.sessions.find(id, caller.ownerKey);
    if (session === undefined) {
      throw new McpSseError("session_not_found", "There is no such session: open a new stream.");
    }
    return session;
  }

  /** Credentials in the URL have been read, or will not be any more. */
  #redact(req: IncomingMessage): void {
    for (const { queryParameter } of this.#init.authenticator?.methods ?? []) {
      if (queryParameter !== undefined) redactQuery(req, queryParameter);
    }
  }

  /** Answers with an error, and tells the operator why. */
  refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    this.#redact(req);
    const { logger } = this.#init.options;
    const answer = toAnswer(error);
    const reason = error instanceof RefusedCaller ? error.reason : answer.message;
    const leg = req.method === "GET" || req.method === "POST" ? req.method : "other method";
    const line = `refused ${leg}: ${answer.status} ${answer.code}: ${reason}${describeCause(answer)}`;
    if (answer.status >= 500) logger.error(line);
    else logger.info(line);
    answerError(res, answer);
  }
}

/** A caller who was not let in: what they hear, and what the operator does. */
class RefusedCaller extends Error {
  constructor(
    readonly reason: string,
    readonly answer: McpSseError,
  ) {
    super(reason);
  }
}

function toAnswer(error: unknown): McpSseError {
  if (error instanceof RefusedCaller) return error.answer;
  if (error instanceof McpSseError) return error;
  return new McpSseError("server_error", "Something went wrong.", { cause: error });
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

/** What follows the first question mark; the rest of them are data. @see RFC 3986, section 3.4 */
function queryOf({ url = "" }: IncomingMessage): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
}

function shuttingDown(): McpSseError {
  return new McpSseError("shutting_down", "The server is shutting down.", {
    headers: retryAfter(RETRY_AFTER_SHUTDOWN_SECONDS),
  });
}

function isCall(message: JsonRpcMessage): boolean {
  return "method" in message && "id" in message;
}
