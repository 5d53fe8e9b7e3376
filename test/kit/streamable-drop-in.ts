import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeStreamableHTTPServerTransport } from "@modelcontextprotocol/node";
import { StreamableHTTPServerTransport as SdkTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import type { RequestHandler } from "express";
import { StreamableHTTPServerTransport } from "../../src/index.js";
import type { McpServerLike, StreamableHTTPServerTransportOptions } from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { listen } from "./listen.js";
import { initialize } from "./raw-sse.js";
import { postMessage } from "./streamable.js";

/** What the SDKs' classes and ours have in common. */
export interface StreamableTransport {
  readonly sessionId?: string | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each class has its own type of message
  onmessage?: ((message: any, extra?: any) => void) | undefined;
  start(): Promise<void>;
  close(): Promise<void>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  send(message: any, options?: { relatedRequestId?: string | number }): Promise<void>;
  handleRequest(req: IncomingMessage, res: ServerResponse, parsedBody?: unknown): Promise<void>;
  closeSSEStream(requestId: string | number): void;
  closeStandaloneSSEStream(): void;
}

/** What all of them know, and the one that ours does not take. */
export type TransportOptions = Omit<StreamableHTTPServerTransportOptions, "eventStore">;

export type StreamableClass = new (options?: TransportOptions) => StreamableTransport;

const OURS: { name: string; Transport: StreamableClass } = {
  name: "ours",
  Transport: StreamableHTTPServerTransport,
};

/** Each class. */
export const CLASSES = [
  { name: "SDK v1's", Transport: SdkTransport as unknown as StreamableClass },
  { name: "SDK v2's", Transport: NodeStreamableHTTPServerTransport as unknown as StreamableClass },
  OURS,
];

/** One transport without a server, on plain node:http, that answers every request there is. */
export async function hostTransport(
  Transport: StreamableClass,
  options: TransportOptions = {},
  parsedBody?: unknown,
) {
  const transport = new Transport({ sessionIdGenerator: randomUUID, ...options });
  onDispose(() => transport.close());
  const errors: Error[] = [];
  const messages: { message: Record<string, unknown>; extra: Record<string, unknown> }[] = [];
  let closes = 0;
  transport.onclose = () => {
    closes++;
  };
  transport.onerror = (error) => void errors.push(error);
  transport.onmessage = (message, extra) => {
    messages.push({ message, extra });
    // Whoever is asked answers; the rest is for the test.
    const { id, method } = message as { id?: string | number; method?: string };
    if (id === undefined || (method !== "initialize" && method !== "ping")) return;
    const result = method === "ping" ? {} : agreedUpon(message);
    transport.send({ jsonrpc: "2.0", id, result }).catch((error: unknown) => {
      errors.push(error as Error);
    });
  };
  await transport.start();
  const { url } = await listen((req, res) => {
    transport.handleRequest(req, res, parsedBody).catch((error: unknown) => {
      errors.push(error as Error);
    });
  });
  return { transport, url, errors, messages, closes: () => closes };
}

function agreedUpon({ params }: { params: { protocolVersion: string } }) {
  const { protocolVersion } = params;
  return { protocolVersion, capabilities: {}, serverInfo: { name: "s", version: "1" } };
}

/** The same once its session has begun. */
export async function hostBegun(
  Transport: StreamableClass,
  options: TransportOptions = {},
  parsedBody?: unknown,
) {
  const hosted = await hostTransport(Transport, options, parsedBody);
  const { headers } = await postMessage(hosted.url, initialize);
  const sessionId = String(headers["mcp-session-id"]);
  const named = { "mcp-session-id": sessionId, "mcp-protocol-version": "2025-11-25" };
  return { ...hosted, sessionId, named };
}

/** The recipe of the SDK's documentation, word for word but for the class: a map of transports. */
export async function hostRecipe(
  Transport: StreamableClass,
  createServer: () => McpServerLike,
  options: TransportOptions = {},
  guard: RequestHandler = (_req, _res, next) => next(),
) {
  const transports: Record<string, StreamableTransport> = {};
  const app = express();
  app.use(express.json());
  app.use("/mcp", guard);
  app.post("/mcp", async (req, res) => {
    const sessionId = req.headers["mcp-session-id"] as string | undefined;
    let transport: StreamableTransport;
    if (sessionId !== undefined && transports[sessionId] !== undefined) {
      transport = transports[sessionId];
    } else if (
      sessionId === undefined &&
      (req.body as { method?: string }).method === "initialize"
    ) {
      transport = new Transport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => {
          transports[id] = transport;
        },
        ...options,
      });
      const made = transport;
      onDispose(() => made.close());
      transport.onclose = () => {
        // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- so it is written there
        if (transport.sessionId !== undefined) delete transports[transport.sessionId];
      };
      await createServer().connect(transport as never);
      await transport.handleRequest(req, res, req.body);
      return;
    } else {
      res.status(400).json({
        jsonrpc: "2.0",
        error: { code: -32000, message: "Bad Request: No valid session ID provided" },
        id: null,
      });
      return;
    }
    await transport.handleRequest(req, res, req.body);
  });
  const handleSessionRequest: RequestHandler = async (req, res) => {
    const sessionId = req.headers["mcp-session-id"] as string | undefined;
    if (sessionId === undefined || transports[sessionId] === undefined) {
      res.status(400).send("Invalid or missing session ID");
      return;
    }
    await transports[sessionId].handleRequest(req, res);
  };
  app.get("/mcp", handleSessionRequest);
  app.delete("/mcp", handleSessionRequest);
  const { url } = await listen(app);
  return { mcpUrl: `${url}/mcp`, transports };
}

/** The recipe of the SDK's documentation without sessions: a server and a transport for each request. */
export async function hostStateless(Transport: StreamableClass, createServer: () => McpServerLike) {
  const app = express();
  app.use(express.json());
  app.post("/mcp", async (req, res) => {
    const server = createServer();
    const transport = new Transport({ sessionIdGenerator: undefined });
    res.on("close", () => {
      void transport.close();
      void server.close();
    });
    await server.connect(transport as never);
    await transport.handleRequest(req, res, req.body);
  });
  app.all("/mcp", (_req, res) => void res.status(405).end());
  const { url } = await listen(app);
  return { mcpUrl: `${url}/mcp` };
}
