import { IncomingMessage } from "node:http";
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { AuthInfo } from "../auth/principal.js";
import { checkScopes } from "../http/check-scopes.js";
import { sessionNotFound } from "../http/find-session.js";
import { readMessage } from "../http/message-body.js";
import type { ReadMessage } from "../http/message-body.js";
import { PostExtra } from "../http/message-extra.js";
import type { McpTransportBase, MessageExtra } from "../http/mcp-transport.js";
import { isOpeners, knownCaller } from "../http/opener.js";
import { rebindingProblem } from "../http/rebinding-protection.js";
import type { RebindingProtection } from "../http/rebinding-protection.js";
import { RefusedCaller, toClientError } from "../http/refused-caller.js";
import { rpcCodeOf, sendError } from "../http/respond-error.js";
import { onResponseEnd } from "../http/response-end.js";
import { TransportOverSession } from "../http/session-transport.js";
import type { Requester } from "../session/requester.js";
import { isCall } from "../shared/json-rpc.js";
import type { SessionSummary } from "../session/session-info.js";
import { Session } from "../session/session.js";
import { McpSseError } from "../shared/errors.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import { acceptsOf, jsonIfTaken } from "./accept.js";
import type { Accepts } from "./accept.js";
import {
  checkVersion,
  hasEnvelope,
  onlyWithSessions,
  versionHeaderOf,
} from "./protocol-version.js";
import { SESSION_HEADER, sessionNameOf } from "./session-header.js";
import {
  beginsSession,
  checkListens,
  checkTakesAnswer,
  handOver,
  listenTo,
  noSessionNamed,
} from "./session-requests.js";
import { StreamableChannel } from "./streamable-channel.js";
import { readTransportOptions } from "./transport-options.js";
import type {
  StreamableHTTPServerTransportOptions,
  TransportSettings,
} from "./transport-options.js";

/** A request, with what `router.guard`, the SDK's `requireBearerAuth` and the like say of its caller. */
type GuardedRequest = IncomingMessage & { auth?: AuthInfo };

/** What `new StreamableHTTPServerTransport(…)` makes: see {@link StreamableHTTPServerTransport}. */
export interface StreamableHTTPServerTransport extends McpTransportBase {
  /** The session's id, by which the client names it; not there before `initialize`, and without sessions. */
  readonly sessionId?: string;
  /**
   * Answers a request of the session: a POST, a GET, or a DELETE. It never answers 401; that is for what
   * stands before it.
   *
   * @param parsedBody what a JSON middleware made of the body, if one ran before.
   * @returns a promise that resolves when the response has ended: for a call with its answer, for a
   * GET when nobody listens any more.
   * @throws Error, after answering 500, when no server is connected.
   */
  handleRequest(
    req: IncomingMessage & { auth?: AuthInfo },
    res: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void>;
  /**
   * Ends the response to a call while the call goes on: its client comes back for the rest. Nothing
   * happens where it could not.
   */
  closeSSEStream(requestId: JsonRpcId): void;
  /** Ends the stream of the GET: its client comes back. */
  closeStandaloneSSEStream(): void;
}

/**
 * The class of {@link StreamableHTTPServerTransport}: to be called with `new`, extended, and asked by
 * `instanceof`.
 */
export interface StreamableHTTPServerTransportClass {
  readonly prototype: StreamableHTTPServerTransport;
  /** @throws TypeError for a wrong option, and for one that is none. */
  new (options?: StreamableHTTPServerTransportOptions): StreamableHTTPServerTransport;
}

/** What accompanies a message is typed as in the base class. */
type TransportSession = Session<undefined, MessageExtra | undefined, StreamableChannel>;

/** No request has made the session of a transport that is connected before one comes. Nobody is shown it. */
const NO_REQUEST = new IncomingMessage(new Socket());

/**
 * The SDK's `Transport` over one session of Streamable HTTP as of 2025-03-26 to 2025-11-25, for servers
 * built with either SDK major.
 *
 * A drop-in for SDK v1's class of the same name and for `NodeStreamableHTTPServerTransport` of SDK v2: same
 * methods, options and status codes. It authenticates nobody; `createMcpRouter` does, and keeps the
 * sessions, too.
 *
 * @example
 * ```ts
 * const transports = new Map<string, StreamableHTTPServerTransport>();
 * const app = express();
 * app.all("/mcp", express.json(), async (req, res) => {
 *   const sessionId = req.get("mcp-session-id");
 *   const transport = sessionId === undefined ? await begin() : transports.get(sessionId);
 *   if (transport === undefined) res.status(404).end();
 *   else await transport.handleRequest(req, res, req.body);
 * });
 *
 * async function begin(): Promise<StreamableHTTPServerTransport> {
 *   const transport = new StreamableHTTPServerTransport({
 *     sessionIdGenerator: () => randomUUID(),
 *     onsessioninitialized: (id) => void transports.set(id, transport),
 *   });
 *   transport.onclose = () => void transports.delete(transport.sessionId ?? "");
 *   await new McpServer({ name: "notes", version: "1.0.0" }).connect(transport);
 *   return transport;
 * }
 * ```
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */
export const StreamableHTTPServerTransport: StreamableHTTPServerTransportClass = class StreamableHTTPServerTransport extends TransportOverSession {
  sessionId?: string;

  /** Looked at with each request, because the SDK's class does: a server learns its port late. */
  readonly #sources: RebindingProtection;
  readonly #settings: TransportSettings;
  readonly #session: TransportSession;
  /** What the client calls the session; the application could write over `sessionId`. */
  #id: string | undefined;
  #opener: Requester | undefined;
  /** Whether `initialize` has come, or, without sessions, the one request. */
  #isBegun = false;
  #isStarted = false;
  /** What the application does when a client has ended the session, once one has. */
  #closing: Promise<void> | undefined;

  constructor(options: StreamableHTTPServerTransportOptions = {}) {
    const settings = readTransportOptions(options);
    const { resume, sseAfterMs } = settings;
    const session: TransportSession = new Session(
      // It is in no registry, where its owner would be looked for.
      { principal: undefined, ownerKey: "", request: NO_REQUEST },
      (opened) => new StreamableChannel(opened, { resume, sseAfterMs, isRestored: false }),
    );
    super(session);
    this.#sources = options;
    this.#settings = settings;
    this.#session = session;
  }

  override async start(): Promise<void> {
    await super.start();
    this.#isStarted = true;
  }

  override toJSON(): SessionSummary {
    return { ...super.toJSON(), id: this.#id ?? "" };
  }

  async handleRequest(
    req: GuardedRequest,
    res: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void> {
    const answered = new Promise<void>((resolve) => onResponseEnd(res, resolve));
    try {
      this.#check(req);
      if (req.method === "POST") await this.#post(req, res, parsedBody);
      else if (req.method === "GET") this.#listen(req, res);
      else if (req.method === "DELETE") await this.#delete(req, res);
      else throw wrongMethod();
    } catch (error) {
      this.#refuse(res, error);
      if (!this.#isStarted) throw error;
    }
    await answered;
  }

  closeSSEStream(requestId: JsonRpcId): void {
    const { resume } = this.#settings;
    if (resume !== undefined) this.#session.channel.leaveCall(requestId, resume.retryMs);
  }

  closeStandaloneSSEStream(): void {
    this.#session.channel.leaveListener(this.#settings.resume?.retryMs);
  }

  /** What is asked of every request, before anything of it is read. */
  #check(req: IncomingMessage): void {
    if (this.#session.closeReason !== undefined) throw sessionNotFound();
    if (!this.#isStarted) {
      throw new Error("No server is connected: server.connect(transport) comes first.");
    }
    if (!this.#hasSessions) {
      // Clients count their ids from 0: one would get the answer to another's call.
      if (this.#isBegun) throw new Error("Without sessions, each request needs a transport.");
      this.#isBegun = true;
    }
    const problem = rebindingProblem(req.headers, this.#sources);
    if (problem === undefined) return;
    throw new McpSseError(
      problem === "Invalid Host header" ? "host_not_allowed" : "origin_not_allowed",
      problem,
    );
  }

  async #post(req: GuardedRequest, res: ServerResponse, parsedBody: unknown): Promise<void> {
    const accepts = this.#acceptsOf(req);
    const message = await this.#read(req, parsedBody);
    if (beginsSession(message)) this.#checkUnbegun();
    else this.#checkSession(req);
    if (hasEnvelope(message)) throw onlyWithSessions();
    checkVersion(message, versionHeaderOf(req), this.#session.channel.protocolVersion);
    if (isCall(message)) checkTakesAnswer(accepts);
    const extra = new PostExtra(req, req.auth);
    const asked = checkScopes(this.#session, message, extra);
    if (asked !== undefined) await asked;
    if (beginsSession(message) && this.#hasSessions) await this.#begin(req);
    this.#nameSession(res);
    handOver(this.#session, { message, extra, req, res, accepts }, this.#answerOptions);
    if (!isCall(message)) res.writeHead(202, { "Content-Length": "0" }).end();
  }

  #listen(req: GuardedRequest, res: ServerResponse): void {
    const { channel } = this.#session;
    this.#checkSession(req);
    checkListens(req, channel);
    this.#nameSession(res);
    listenTo(channel, req, res, this.#settings);
  }

  async #delete(req: GuardedRequest, res: ServerResponse): Promise<void> {
    this.#checkSession(req);
    checkVersion(undefined, versionHeaderOf(req), this.#session.channel.protocolVersion);
    try {
      await this.#tellClosed();
      res.writeHead(200, { "Content-Length": "0" }).end();
    } finally {
      this.#session.end("deleted");
    }
  }

  /** Tells the application once, and has everybody wait who ends the session meanwhile. */
  #tellClosed(): Promise<void> {
    this.#closing ??= (async (id) => {
      if (id !== undefined) await this.#settings.onsessionclosed?.(id);
    })(this.#id);
    return this.#closing;
  }

  async #read(req: IncomingMessage, parsedBody: unknown): Promise<JsonRpcMessage> {
    const maxBytes = this.#settings.maxRequestBodySize;
    const read = await new Promise<ReadMessage>((onRead) => {
      readMessage(req, { maxBytes, parsedBody }, onRead);
    });
    const message = read();
    if (this.#session.closeReason !== undefined) throw sessionNotFound();
    return message;
  }

  #acceptsOf({ headers }: IncomingMessage): Accepts {
    const accepts = acceptsOf(headers.accept);
    return this.#settings.enableJsonResponse ? jsonIfTaken(accepts) : accepts;
  }

  /** Gives the session its id, and tells the application, before the server hears of its client. */
  async #begin(req: IncomingMessage): Promise<void> {
    const { sessionIdGenerator, onsessioninitialized } = this.#settings;
    this.#checkUnbegun();
    this.#isBegun = true;
    try {
      const id = checkId(sessionIdGenerator?.());
      this.#id = id;
      this.sessionId = id;
      this.#opener = knownCaller(req);
      await onsessioninitialized?.(id);
    } catch (error) {
      this.#session.end("failed-to-open");
      throw error;
    }
  }

  #checkUnbegun(): void {
    if (!this.#hasSessions || !this.#isBegun) return;
    throw new McpSseError(
      "message_invalid",
      "This session has begun already: initialize without its id begins another.",
    );
  }

  /**
   * Whether a request is for this session, where there are sessions.
   *
   * Security decision: the application has found this transport by what the request says, or by
   * something else; so its id is compared here, too.
   */
  #checkSession(req: IncomingMessage): void {
    if (!this.#hasSessions) return;
    const named = sessionNameOf(req);
    if (this.#id === undefined || named === undefined) throw noSessionNamed();
    if (named !== this.#id || !isOpeners(this.#opener, req)) throw sessionNotFound();
  }

  get #hasSessions(): boolean {
    return this.#settings.sessionIdGenerator !== undefined;
  }

  get #answerOptions(): { resume: TransportSettings["resume"]; stream: TransportSettings } {
    return { resume: this.#settings.resume, stream: this.#settings };
  }

  #nameSession(res: ServerResponse): void {
    if (this.#id !== undefined && !res.headersSent) res.setHeader(SESSION_HEADER, this.#id);
  }

  /** Says why a request is refused: to its client in words without internals, to `onerror` all of it. */
  #refuse(res: ServerResponse, error: unknown): void {
    const told = toClientError(error);
    const code = error instanceof RefusedCaller ? error.rpcCode : undefined;
    if (!res.headersSent) res.removeHeader(SESSION_HEADER);
    sendError(res, told, code ?? rpcCodeOf(told));
    if (!(error instanceof RefusedCaller)) this.onerror?.(error as Error);
  }
};

/** @see MCP 2025-11-25, basic/transports, "Session Management" */
function checkId(id: unknown): string {
  if (typeof id === "string" && /^[\x21-\x7e]+$/.test(id)) return id;
  throw new TypeError("sessionIdGenerator returned no text of visible ASCII: return randomUUID().");
}

function wrongMethod(): McpSseError {
  return new McpSseError("method_not_allowed", "This takes GET, POST and DELETE.", {
    headers: { Allow: "GET, POST, DELETE" },
  });
}
