import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import type { Express, RequestHandler } from "express";
import type { Credential } from "../../../src/doctor/contract.js";
import type { AuthConfig } from "../../../src/index.js";
import { listen } from "../../kit/listen.js";
import { serveMcp } from "../../kit/streamable.js";
import type { ServeMcpOptions } from "../../kit/streamable.js";
import { createToolServer } from "../../kit/tools.js";

const KEY = "key-of-the-doctors-tests";

/** How routers of ours know the doctor. */
export const AUTH: AuthConfig = { type: "apikey", options: { keys: [{ id: "doctor", key: KEY }] } };

/** What it shows to them. */
export const CREDENTIAL: Credential = { kind: "header", name: "X-API-Key", value: KEY };

/** A router of ours for all wires below `/mcp`, and the doctor's key for it. */
export async function ours(options: ServeMcpOptions = {}) {
  return { ...(await serveMcp({ auth: AUTH, ...options })), credential: CREDENTIAL };
}

/* eslint-disable @typescript-eslint/no-deprecated -- the transport whose servers are examined */
/**
 * A server that somebody wired by hand with the SDK's own transports: `/sse`, and `/mcp`.
 *
 * @param passesBody whether the transport is given what a parser made of the body.
 */
export async function handWired(
  configure: (app: Express) => unknown = () => undefined,
  passesBody = false,
) {
  const app = express();
  configure(app);
  const streams = new Map<string, SSEServerTransport>();
  app.get("/sse", async (_req, res) => {
    const transport = new SSEServerTransport("/messages", res);
    streams.set(transport.sessionId, transport);
    await createToolServer().connect(transport);
  });
  app.post("/messages", async (req, res) => {
    const transport = streams.get(req.query["sessionId"] as string);
    if (transport === undefined) res.status(404).send("no such session");
    else await transport.handlePostMessage(req, res);
  });
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  app.all("/mcp", async (req, res) => {
    let transport = sessions.get(req.get("mcp-session-id") ?? "");
    if (transport === undefined) {
      const begun = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, begun),
      });
      transport = begun;
      await createToolServer().connect(begun);
    }
    await transport.handleRequest(req, res, passesBody ? req.body : undefined);
  });
  return listen(app);
}

/* eslint-enable @typescript-eslint/no-deprecated */

/** What a server does otherwise that somebody wrote by hand. */
export interface HandWritten {
  /** The data of its endpoint event; `undefined` for none. */
  readonly endpoint?: (session: string) => string | undefined;
  readonly headers?: Record<string, string>;
  /** Answers a POST, and returns what goes over the stream. */
  readonly post?: (message: Message, res: ServerResponse) => unknown;
  readonly before?: readonly RequestHandler[];
}

interface Message {
  readonly id?: number;
  readonly method: string;
}

/** A server of HTTP+SSE that no library of MCP helped. */
export async function handWritten({
  endpoint = (session) => `/messages?session=${session}`,
  headers = {},
  post = accept,
  before = [],
}: HandWritten = {}) {
  const app = express();
  for (const each of before) app.use(each);
  const streams = new Map<string, ServerResponse>();
  app.get("/sse", (_req, res) => {
    const session = randomUUID();
    streams.set(session, res);
    res.writeHead(200, { "Content-Type": "text/event-stream", ...headers });
    const data = endpoint(session);
    if (data === undefined) res.flushHeaders();
    else res.write(`event: endpoint\ndata: ${data}\n\n`);
  });
  app.post("/messages", async (req, res) => {
    const message = JSON.parse(await text(req)) as Message;
    const answer = post(message, res);
    const stream = streams.get(req.query["session"] as string) ?? [...streams.values()].at(-1);
    if (answer !== undefined) stream?.write(`data: ${JSON.stringify(answer)}\n\n`);
  });
  return listen(app);
}

/** Takes a message, and answers it as a server with one tool does. */
export function accept(message: Message, res: ServerResponse): unknown {
  res.writeHead(202).end();
  return answerTo(message);
}

/** The answer of a server with one tool. */
export function answerTo({ id, method }: Message): unknown {
  if (id === undefined) return undefined;
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: "2024-11-05",
      capabilities: { tools: {} },
      serverInfo: { name: "by hand", version: "1" },
    },
    "tools/list": { tools: [{ name: "nothing", inputSchema: { type: "object" } }] },
  };
  return { jsonrpc: "2.0", id, result: results[method] ?? {} };
}
