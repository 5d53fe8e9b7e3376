import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "../auth/principal.js";
import { readMessage } from "../http/message-body.js";
import type { ReadMessage } from "../http/message-body.js";
import { PostExtra } from "../http/message-extra.js";
import type { McpTransport, MessageExtra } from "../http/mcp-transport.js";
import { checkScopes } from "../http/check-scopes.js";
import { sessionNotFound } from "../http/find-session.js";
import { isOpeners, knownCaller } from "../http/opener.js";
import { rebindingProblem } from "../http/rebinding-protection.js";
import { RefusedCaller } from "../http/refused-caller.js";
import { sendError } from "../http/respond-error.js";
import { SessionTransport } from "../http/session-transport.js";
import type { CarriedSession } from "../http/session-transport.js";
import type { Requester } from "../session/requester.js";
import { Session } from "../session/session.js";
import { McpSseError } from "../shared/errors.js";
import * as opt from "../shared/option.js";
import { checkMessage } from "../shared/check-message.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { EventStream } from "../http/event-stream.js";
import { SseChannel } from "./sse-channel.js";
import { TRANSPORT_OPTIONS } from "./transport-options.js";
import type { SSEServerTransportOptions } from "./transport-options.js";

/** What `new SSEServerTransport(…)` makes: see {@link SSEServerTransport}. */
export interface SSEServerTransport extends McpTransport {
  /**
   * Takes a POST and answers it: 202, 400 for a bad body, 403 for a refused Host or Origin, 404 for
   * somebody else than the opener, where `router.guard` has said who that was.
   *
   * @param parsedBody what a JSON middleware made of the body, if one ran before.
   * @throws Error, after answering 500, when there is no open stream.
   */
  handlePostMessage(
    req: IncomingMessage & { auth?: AuthInfo },
    res: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void>;
  /**
   * Hands over a message that came by another way than `handlePostMessage`.
   *
   * @throws McpSseError for anything that is no JSON-RPC message.
   */
  handleMessage(message: unknown, extra?: MessageExtra): Promise<void>;
}

/** The class of {@link SSEServerTransport}: to be called with `new`, extended, and asked by `instanceof`. */
export interface SSEServerTransportClass {
  readonly prototype: SSEServerTransport;
  /**
   * @param endpoint path that the client is told to POST to; `sessionId` is added to its query.
   * A scheme and host are dropped: clients refuse an endpoint of another origin.
   * @param res the answer to the client's GET; nothing must have been written to it.
   * @param options names that are none are ignored, as by the SDK's class.
   * @throws TypeError for a wrong option.
   */
  new (
    endpoint: string,
    res: ServerResponse,
    options?: SSEServerTransportOptions,
  ): SSEServerTransport;
}

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
export const SSEServerTransport: SSEServerTransportClass = class SSEServerTransport extends SessionTransport {
  /** Looked at when a POST comes, because the SDK's class does: a server learns its port late. */
  readonly #sources: SSEServerTransportOptions;
  readonly #maxMessageBytes: number;
  readonly #session: CarriedSession;
  readonly #opener: Requester | undefined;

  constructor(endpoint: string, res: ServerResponse, options: SSEServerTransportOptions = {}) {
    const settings = opt.readOptions(TRANSPORT_OPTIONS, "SSEServerTransport options", options);
    const stream = new EventStream(res, settings);
    // It is in no registry, where its owner would be looked for.
    const init = { principal: undefined, ownerKey: "", request: res.req };
    const session: CarriedSession = new Session(
      init,
      (opened) => new SseChannel(opened, { stream, endpoint }),
    );
    super(session);
    this.#sources = options;
    this.#maxMessageBytes = settings.maxMessageBytes;
    this.#session = session;
    this.#opener = knownCaller(res.req);
  }

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
    const refused = rebindingProblem(req.headers, this.#sources);
    if (refused !== undefined) {
      res.writeHead(403).end(refused);
      this.onerror?.(new Error(refused));
      return;
    }
    if (!isOpeners(this.#opener, req)) {
      sendError(res, sessionNotFound());
      return;
    }
    try {
      const maxBytes = this.#maxMessageBytes;
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
    const asked = checkScopes(this.#session, message, extra);
    if (asked !== undefined) await asked;
    this.#session.receive(message, extra);
  }
};
