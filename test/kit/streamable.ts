import { request } from "node:http";
import express from "express";
import type { Express } from "express";
import { createMcpRouter } from "../../src/express/mcp-router.js";
import type { McpRouterOptions } from "../../src/express/mcp-router.js";
import type { AuthConfig, McpServerLike, Principal, SessionInfo } from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { asCaller } from "./conversation.js";
import { noteCredentials, recordingLogger, secret } from "./leak-watch.js";
import { listen } from "./listen.js";
import { send } from "./raw-http.js";
import type { RawAnswer } from "./raw-http.js";
import { initialize, initialized, openStream, RawStream, toolCall } from "./raw-sse.js";
import type { Json } from "./raw-sse.js";
import { JWT_AUTH } from "./serve.js";
import { SECRET } from "./tokens.js";
import { createToolServer } from "./tools.js";

/** What a test asks for; everything has a default. */
export type ServeMcpOptions = Partial<Omit<McpRouterOptions, "auth" | "createServer">> & {
  readonly auth?: AuthConfig | false;
  readonly createServer?: (
    session: SessionInfo<Principal>,
  ) => McpServerLike | Promise<McpServerLike>;
  readonly configure?: (app: Express) => void;
  /** Whether what the router knows is answered before the app. Default: false. */
  readonly ahead?: boolean;
  /** Default: the Express of the test project. */
  readonly framework?: typeof express;
};

/** A router for all wires below `/mcp`. */
export async function serveMcp(options: ServeMcpOptions = {}) {
  const { auth, createServer, configure, ahead, framework = express, ...rest } = options;
  const logger = recordingLogger();
  secret(SECRET);
  const router = createMcpRouter({
    logger,
    auth: (auth ?? JWT_AUTH) as AuthConfig,
    createServer: createServer ?? (() => createToolServer()),
    ...rest,
  });
  const app = framework();
  configure?.(app);
  app.use("/mcp", router);
  const { url, port, server } = await listen(ahead === true ? router.ahead(app) : app);
  onDispose(() => router.close({ timeoutMs: 0 }));
  const mcpUrl = `${url}/mcp`;
  return { url, port, server, mcpUrl, sseUrl: `${mcpUrl}/sse`, router, lines: logger.lines };
}

/** What official clients accept. */
const BOTH = "application/json, text/event-stream";

/** Posts one message as official clients do, and reads a whole answer; of a stream only the head. */
export function postMessage(
  url: string,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  return send(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: BOTH, ...headers },
    body: typeof message === "string" ? message : JSON.stringify(message),
  });
}

/** The same, with its answer as it comes: the response may be a stream. */
export function postForStream(
  url: string,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<RawStream> {
  noteCredentials(url, headers);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: BOTH, ...headers },
      agent: false,
    });
    sent.on("response", (response) => resolve(new RawStream(sent, response)));
    sent.on("error", reject);
    sent.end(JSON.stringify(message));
    onDispose(() => sent.destroy());
  });
}

/** `initialize` of a client of a revision. @param more what its parameters have beside. */
export function initializeFor(protocolVersion: string, more: object = {}): object {
  return { ...initialize, params: { ...initialize.params, protocolVersion, ...more } };
}

/** A session that has been initialized, as a client has it. */
export class StreamableConversation {
  #id = 100;

  constructor(
    readonly url: string,
    readonly sessionId: string,
    /** With all that a request of the session needs. */
    readonly headers: Record<string, string>,
  ) {}

  /** Posts a message and reads a whole answer. */
  post(message: unknown, headers: Record<string, string> = {}): Promise<RawAnswer> {
    return postMessage(this.url, message, { ...this.headers, ...headers });
  }

  /** Posts a message whose answer may be a stream. */
  stream(message: unknown, headers: Record<string, string> = {}): Promise<RawStream> {
    return postForStream(this.url, message, { ...this.headers, ...headers });
  }

  /** Listens, from an event on if one is named. */
  listen(lastEventId?: string, headers: Record<string, string> = {}): Promise<RawStream> {
    const last = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    return openStream(this.url, { ...this.headers, ...last, ...headers });
  }

  /** Calls a tool that is answered by JSON, and returns the text of its answer. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const { status, json } = await this.post(toolCall(++this.#id, name, args));
    if (status !== 200) throw new Error(`${name}: ${status} ${JSON.stringify(json)}`);
    return textOf(json);
  }

  delete(headers: Record<string, string> = {}): Promise<RawAnswer> {
    return send(this.url, { method: "DELETE", headers: { ...this.headers, ...headers } });
  }
}

/** The text of a tool's answer. */
export function textOf(answer: Json): string {
  return answer.result.content[0].text as string;
}

/** Opens a session and does what every client does first. */
export async function begin(
  url: string,
  headers: Record<string, string> = asCaller(),
  version = "2025-11-25",
  more: object = {},
): Promise<StreamableConversation> {
  const answer = await postMessage(url, initializeFor(version, more), headers);
  const id = answer.headers["mcp-session-id"];
  if (answer.status !== 200 || typeof id !== "string") {
    throw new Error(`initialize: ${answer.status} ${answer.text}`);
  }
  const named = { ...headers, "mcp-session-id": id, "mcp-protocol-version": version };
  const accepted = await postMessage(url, initialized, named);
  if (accepted.status !== 202) throw new Error(`initialized: ${accepted.status} ${accepted.text}`);
  return new StreamableConversation(url, id, named);
}
