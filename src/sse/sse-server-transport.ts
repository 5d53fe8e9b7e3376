import type { IncomingMessage, ServerResponse } from "node:http";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import { sendError } from "../http/respond-error.js";
import type { AuthInfo } from "../auth/principal.js";
import { McpSseError } from "../shared/errors.js";
import { PostExtra } from "../http/message-extra.js";
import type { MessageExtra } from "../http/message-extra.js";
import { lacksScopes, RefusedCaller, toClientError } from "../http/refused-caller.js";
import { documentOf, findScopeChallenge } from "../http/scope-challenge.js";
import type { ScopeChallengeResolver } from "../http/scope-challenge.js";
import type { SessionSummary } from "../session/session-facts.js";
import { isPlainPath } from "../shared/plain-path.js";
import { Session } from "../session/session.js";
import { EventStream } from "./event-stream.js";
import type { EventStreamOptions } from "../options/stream-options.js";
import { readMessage } from "../http/message-body.js";
import { checkMessage } from "../shared/json-rpc.js";
import type { ReadMessage } from "../http/message-body.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_STREAM_OPTIONS } from "../options/stream-options.js";

/** Options of {@link SSEServerTransport}; the first three are the SDK's. */
export interface SSEServerTransportOptions extends Partial<EventStreamOptions> {
  /** `Host` values that POSTs may carry, compared as they are. Default: any. */
  allowedHosts?: string[];
  /** `Origin` values that POSTs may carry, compared as they are. Default: any. */
  allowedOrigins?: string[];
  /** Whether the two lists above are looked at. Default: false, as in the SDK. */
  enableDnsRebindingProtection?: boolean;
  /** Longest POST body in bytes. Default: 4194304 (4 MiB). */
  maxMessageBytes?: number;
}

/** A session, whoever owns it. */
type CarriedSession = Session<unknown, MessageExtra | undefined>;

/**
 * The SDK's `Transport` over one HTTP+SSE session, for servers built with either SDK major.
 *
 * A drop-in for the SDK's class of the same name: same constructor, methods, endpoint event and
 * status codes. It authenticates nobody; `createSseRouter` does.
 *
 * @example
 * ```ts
 * const transports = new Map<string, SSEServerTransport>();
 * const app = express();
 * app.get("/sse", async (req, res) => {
 *   const transport = new SSEServerTransport("/messages", res);
 *   transports.set(transport.sessionId, transport);
 *   await new McpServer({ name: "notes", version: "1.0.0" }).connect(transport);
 * });
 * app.post("/messages", async (req, res) => {
 *   await transports.get(String(req.query["sessionId"]))?.handlePostMessage(req, res);
 * });
 * ```
 *
 * @see https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export class SSEServerTransport {
  /** Called once, however the session ends. Set by the SDK server. */
  onclose: (() => void) | undefined;
  /** Called for what goes wrong without ending the session. Set by the SDK server. */
  onerror: ((error: Error) => void) | undefined;
  /** Called for each message of the client. Set by the SDK server. */
  onmessage: ((message: JsonRpcMessage, extra?: MessageExtra) => void) | undefined;

  readonly #endpoint: string;
  readonly #options: SSEServerTransportOptions;
  readonly #session: CarriedSession;
  readonly #stream: EventStream;
  #isStarted = false;

  /**
   * @param endpoint path that the client is told to POST to; `sessionId` is added to its query.
   * A scheme and host are dropped: clients refuse an endpoint of another origin.
   * @param res the answer to the client's GET; nothing must have been written to it.
   * @param carrier the conversation to carry, and its first stream; by default a new
   * conversation that belongs to nobody.
   */
  constructor(
    endpoint: string,
    res: ServerResponse,
    options: SSEServerTransportOptions = {},
    carrier: { session?: CarriedSession; stream?: EventStream } = {},
  ) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#session =
      carrier.session ?? new Session({ principal: undefined, ownerKey: "", request: res.req });
    this.#stream =
      carrier.stream ??
      new EventStream(res, { ...DEFAULT_STREAM_OPTIONS, ...definedOnly(options) });
  }

  /** The id in the endpoint URL; use it to find the transport that a POST belongs to. */
  get sessionId(): string {
    return this.#session.id;
  }

  /** What `JSON.stringify` shows. */
  toJSON(): SessionSummary {
    return this.#session.toJSON();
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `SSEServerTransport ${inspect(this.toJSON(), options)}`;
  }

  /**
   * Sets who says what callers lack for a request: it is asked before the server gets a message.
   * An `McpServer` of SDK v2 calls this from `connect()`, for its `scopeChallenge`s.
   */
  setScopeChallengeResolver(resolver: ScopeChallengeResolver): void {
    const fail = (error: unknown): never => {
      this.onerror?.(error as Error);
      throw new RefusedCaller("a scope challenge could not be decided", toClientError(error));
    };
    this.#session.scopeCheck = (message, extra) => {
      try {
        const asked = findScopeChallenge(resolver, message, extra?.authInfo);
        return asked instanceof Promise ? asked.catch(fail) : asked;
      } catch (error) {
        return fail(error);
      }
    };
  }

  /**
   * Opens the stream and sends the endpoint event. SDK servers call it from `connect()`.
   *
   * @throws Error when called twice.
   */
  async start(): Promise<void> {
    if (this.#isStarted) {
      throw new Error("This transport is started already: server.connect() does it for you.");
    }
    this.#isStarted = true;
    this.#session.onmessage = (message, extra) => this.onmessage?.(message, extra);
    this.#session.onClosed(() => this.#announceClosed());
    this.#session.attach(this.#stream, endpointPath(this.#endpoint, this.sessionId));
  }

  /**
   * Takes a POST and answers it: 202, 400 for a bad body, 403 for a refused Host or Origin.
   *
   * @param parsedBody what a JSON middleware made of the body, if one ran before.
   * @throws Error, after answering 500, when there is no open stream.
   */
  async handlePostMessage(
    req: IncomingMessage & { auth?: AuthInfo },
    res: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void> {
    if (this.#session.state !== "open") {
      const message = "SSE connection not established";
      res.writeHead(500).end(message);
      throw new Error(message);
    }
    const refused = this.#refuseSource(req);
    if (refused !== undefined) {
      res.writeHead(403).end(refused);
      this.onerror?.(new Error(refused));
      return;
    }
    try {
      const maxBytes = this.#options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
      const message = await new Promise<ReadMessage>((onRead) => {
        readMessage(req, { maxBytes, parsedBody }, onRead);
      });
      await this.#take(message(), new PostExtra(req, req.auth));
    } catch (error) {
      if (error instanceof RefusedCaller) {
        sendError(res, error.error, error.rpcCode);
        return;
      }
      res.writeHead(400).end(error instanceof McpSseError ? error.message : "Invalid message");
      this.onerror?.(error as Error);
      return;
    }
    res.writeHead(202).end("Accepted");
  }

  /**
   * Hands over a message that came by another way than `handlePostMessage`.
   *
   * @throws McpSseError for anything that is no JSON-RPC message.
   */
  async handleMessage(message: unknown, extra?: MessageExtra): Promise<void> {
    try {
      await this.#take(checkMessage(message), extra);
    } catch (error) {
      if (error instanceof RefusedCaller) throw error.error;
      this.onerror?.(error as Error);
      throw error;
    }
  }

  /** @throws RefusedCaller for a caller who lacks scopes. */
  async #take(message: JsonRpcMessage, extra: MessageExtra | undefined): Promise<void> {
    const asked = this.#session.scopeCheck?.(message, extra);
    // Where nobody has to be waited for, the server gets the message at once, as from the SDK's class.
    const lacking = asked instanceof Promise ? await asked : asked;
    if (lacking !== undefined) {
      const { scopes: held = [] } = extra?.authInfo ?? {};
      throw lacksScopes(lacking, held, [], documentOf(extra?.authInfo));
    }
    this.#session.receive(message, extra);
  }

  /**
   * Sends a message to the client.
   *
   * Resolves when the socket took it or its bounded queue has room; with a slow reader that is
   * later, so awaiting it keeps the memory flat. Rejects when there is no open stream.
   */
  send(message: unknown): Promise<void> {
    const { state } = this.#session;
    if (state === "opening" || state === "closed") return Promise.reject(notConnected());
    if (typeof message !== "object" || message === null) return Promise.reject(noMessage());
    return this.#session.send(message);
  }

  /** Ends the stream and the session. Safe to call twice. */
  async close(): Promise<void> {
    this.#session.end("server-closed");
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#announceClosed();
    }
  }

  /**
   * A handler that throws is told to `onerror`: nobody else is there to catch it when a socket
   * closes. If that throws as well, the log is told.
   */
  #announceClosed(): void {
    try {
      this.onclose?.();
    } catch (error) {
      try {
        this.onerror?.(error as Error);
      } catch {
        this.#session.gate?.noteFault(this.#session, "its onclose and its onerror threw");
      }
    }
  }

  /** The SDK's check, with the SDK's exact comparison. */
  #refuseSource({ headers }: IncomingMessage): string | undefined {
    const { enableDnsRebindingProtection, allowedHosts, allowedOrigins } = this.#options;
    if (enableDnsRebindingProtection !== true) return undefined;
    if (allowedHosts !== undefined && allowedHosts.length > 0) {
      if (!allowedHosts.includes(headers.host ?? "")) return "Invalid Host header";
    }
    if (allowedOrigins !== undefined && allowedOrigins.length > 0) {
      const { origin } = headers;
      if (origin !== undefined && !allowedOrigins.includes(origin)) return "Invalid Origin header";
    }
    return undefined;
  }
}

function noMessage(): Error {
  return new TypeError("A JSON-RPC message is an object.");
}

function notConnected(): Error {
  return new Error("Not connected");
}

/** Path, query and hash of `endpoint`, with the session's id, a UUID, in the query. */
export function endpointPath(endpoint: string, sessionId: string): string {
  if (isPlainPath(endpoint)) return `${endpoint}?sessionId=${sessionId}`;
  const url = new URL(endpoint, "http://path.invalid");
  url.searchParams.set("sessionId", sessionId);
  return url.pathname + url.search + url.hash;
}

/** Drops options that are explicitly `undefined`, so that they do not hide their defaults. */
function definedOnly(options: Partial<EventStreamOptions>): Partial<EventStreamOptions> {
  return Object.fromEntries(
    Object.entries(options as Record<string, unknown>).filter(([, value]) => value !== undefined),
  );
}
