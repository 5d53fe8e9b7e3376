import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import type { Credential } from "../../../src/doctor/contract.js";
import { selfSigned } from "../../kit/certificates.js";
import { onDispose } from "../../kit/clean-up.js";
import { lastingPort, listen } from "../../kit/listen.js";
import { initializeFor, postMessage } from "../../kit/streamable.js";
import { createToolServer } from "../../kit/tools.js";

/** A server that is broken in one way. */
export interface BrokenServer {
  readonly name: string;
  /** The id of its first finding. */
  readonly finding: string;
  readonly serve: () => Promise<{
    readonly url: string;
    readonly credentials?: readonly Credential[];
    readonly timeoutMs?: number;
  }>;
}

/** Shorter than anything that hangs, and longer than everything else takes. */
const SOON_MS = 1_500;

const KEY: Credential = { kind: "header", name: "X-API-Key", value: "a-key-that-all-may-know" };

/** A server that answers in the same way whatever it is asked. */
function answering(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | object = "",
): BrokenServer["serve"] {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "text/plain" : "application/json";
  return at("/mcp", (_req, res) => {
    res.writeHead(status, { "content-type": type, ...headers }).end(text);
  });
}

function at(path: string, listener: RequestListener): BrokenServer["serve"] {
  return async () => ({ url: (await listen(listener)).url + path });
}

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  onDispose(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Nothing comes back, or something that is no MCP. */
export const UNREACHED: readonly BrokenServer[] = [
  {
    name: "no program at its port",
    finding: "nobody-listens",
    serve: async () => ({ url: `http://127.0.0.1:${await lastingPort()}/mcp` }),
  },
  {
    name: "a name that nobody knows",
    finding: "host-unknown",
    serve: async () => ({ url: "https://mcp.invalid/mcp" }),
  },
  {
    name: "a certificate that it signed itself",
    finding: "certificate-untrusted",
    serve: async () => {
      const server = createServer(selfSigned("127.0.0.1"), (_req, res) => res.end());
      return { url: `https://127.0.0.1:${await portOf(server)}/mcp` };
    },
  },
  {
    name: "no TLS behind an https URL",
    finding: "no-tls",
    serve: async () => {
      const { url } = await listen((_req, res) => res.end());
      return { url: `${url.replace("http:", "https:")}/mcp` };
    },
  },
  {
    name: "another protocol at its port",
    finding: "no-http",
    serve: async () => {
      const server = createTcpServer((socket) => {
        socket.on("error", () => undefined).end("+OK ready\r\n");
      });
      return { url: `http://127.0.0.1:${await portOf(server)}/mcp` };
    },
  },
  {
    name: "TLS behind an http URL",
    finding: "no-http",
    serve: async () => {
      const server = createServer(selfSigned("127.0.0.1"), (_req, res) => res.end());
      return { url: `http://127.0.0.1:${await portOf(server)}/mcp` };
    },
  },
  {
    name: "no answer",
    finding: "no-answer",
    serve: async () => ({
      url: `${(await listen(() => undefined)).url}/mcp`,
      timeoutMs: SOON_MS,
    }),
  },
  {
    name: "headers that have grown",
    finding: "head-too-large",
    serve: answering(200, { "x-grown": "a".repeat(40_000) }),
  },
  {
    name: "a port that no client may ask",
    finding: "port-blocked",
    serve: async () => ({ url: "http://127.0.0.1:6000/mcp" }),
  },
];

/** Somebody else answers: a proxy, an app, a login. */
export const ANSWERED_BY_OTHERS: readonly BrokenServer[] = [
  {
    name: "a redirect to https",
    finding: "redirect-https",
    serve: at("/mcp", ({ headers, url = "" }, res) => {
      res.writeHead(301, { location: `https://${headers.host ?? ""}${url}` }).end();
    }),
  },
  {
    name: "a redirect to a slash at the end",
    finding: "redirect-slash",
    serve: at("/mcp", (_req, res) => res.writeHead(307, { location: "/mcp/" }).end()),
  },
  {
    name: "a redirect to a login page of another host",
    finding: "redirect-login",
    serve: answering(302, { location: "https://sso.example.com/start?to=mcp" }),
  },
  {
    name: "a redirect to another path",
    finding: "redirect",
    serve: answering(308, { location: "/v2/mcp" }),
  },
  {
    name: "the page of a single-page app at every path",
    finding: "page-instead",
    serve: answering(200, { "content-type": "text/html; charset=utf-8" }, "<!doctype html>"),
  },
  {
    name: "a page at GET and nothing at POST",
    finding: "page-instead",
    serve: at("/", ({ method }, res) => {
      res.writeHead(method === "GET" ? 200 : 404, { "content-type": "text/html" }).end("<p>");
    }),
  },
  { name: "nothing at this path", finding: "wrong-path", serve: answering(404, {}, "Not Found") },
  { name: "no method for it", finding: "method-refused", serve: answering(405) },
  {
    name: "a proxy without its server",
    finding: "proxy-without-server",
    serve: answering(502, { server: "nginx" }, "<html>502 Bad Gateway</html>"),
  },
  {
    name: "a proxy that says 503 by itself",
    finding: "proxy-without-server",
    serve: answering(503, {}, "no healthy upstream"),
  },
  {
    name: "our code that it is full",
    finding: "server-unavailable",
    serve: answering(
      503,
      {},
      {
        jsonrpc: "2.0",
        id: null,
        error: { code: -32000, message: "full", data: { code: "server_full" } },
      },
    ),
  },
  {
    name: "an error of its own",
    finding: "server-error",
    serve: answering(500, {}, { error: "server_error" }),
  },
  {
    name: "a limit of requests",
    finding: "throttled",
    serve: answering(429, { "retry-after": "3" }, { error: "too_many_failures" }),
  },
  { name: "a proxy with a tiny limit", finding: "message-too-large", serve: answering(413) },
  { name: "no JSON", finding: "content-type-refused", serve: answering(415) },
  { name: "a proxy that changes Accept", finding: "accept-refused", serve: answering(406) },
  {
    name: "messages, and no stream, at this path",
    finding: "messages-url",
    serve: at("/messages", (_req, res) => res.writeHead(400).end("Missing sessionId")),
  },
  {
    name: "an API of another kind",
    finding: "no-json-rpc",
    serve: at("/api", ({ url }, res) => {
      res.writeHead(url === "/api" ? 200 : 404, { "content-type": "application/json" }).end("{}");
    }),
  },
  { name: "what nobody knows", finding: "not-mcp", serve: answering(418) },
];

/** A transport of the SDK for whoever asks. */
async function transport(sessionIdGenerator: (() => string) | undefined) {
  const made = new StreamableHTTPServerTransport(
    sessionIdGenerator === undefined ? {} : { sessionIdGenerator },
  );
  const server = createToolServer();
  await server.connect(made);
  onDispose(() => server.close());
  return made;
}

/** Answers `initialize` by JSON, and everything else as it is told. */
function afterInitialize(answer: express.RequestHandler): BrokenServer["serve"] {
  const app = express().use(express.json({ limit: "4mb" }));
  app.post("/mcp", (req, res, next) => {
    const { id, method } = req.body as { id?: number; method?: string };
    if (method !== "initialize") return answer(req, res, next);
    const capabilities = { tools: {} };
    const serverInfo = { name: "broken", version: "1" };
    const result = { protocolVersion: "2025-11-25", capabilities, serverInfo };
    res.json({ jsonrpc: "2.0", id, result });
    return undefined;
  });
  return at("/mcp", app);
}

/** Answers `tools/list` with something, and takes notifications. */
function listing(answer: (id: number, res: express.Response) => void): BrokenServer["serve"] {
  return afterInitialize((req, res) => {
    const { id } = req.body as { id?: number };
    if (id === undefined) res.status(202).end();
    else answer(id, res);
  });
}

/** The server is there, and what it says over Streamable HTTP is wrong. */
export const STREAMABLE: readonly BrokenServer[] = [
  {
    name: "one transport of the SDK for all clients",
    finding: "one-session-only",
    serve: async () => {
      const one = await transport(() => "only");
      // Somebody was here before.
      const { url } = await listen((req, res) => void one.handleRequest(req, res));
      await postMessage(url, initializeFor("2025-11-25"));
      return { url: `${url}/mcp` };
    },
  },
  {
    name: "a transport for each request, of which it keeps none",
    finding: "session-lost",
    serve: at("/mcp", (req, res) => {
      if (req.headers["mcp-session-id"] !== undefined) {
        res.writeHead(404, { "content-type": "application/json" }).end("{}");
        return;
      }
      void transport(() => "forgotten").then((made) => made.handleRequest(req, res));
    }),
  },
  {
    name: "a proxy that takes Mcp-Session-Id away",
    finding: "session-header-lost",
    serve: afterInitialize((_req, res) => {
      const error = { code: -32000, message: "Bad Request: Mcp-Session-Id header is required" };
      res.status(400).json({ jsonrpc: "2.0", id: null, error });
    }),
  },
  {
    name: "a second message that is forbidden",
    finding: "message-refused",
    serve: afterInitialize((_req, res) => void res.status(403).end()),
  },
  {
    name: "tools that cannot be listed",
    finding: "tools-failed",
    serve: listing((id, res) => {
      const error = { code: -32603, message: "Transforms cannot be represented in JSON Schema" };
      res.json({ jsonrpc: "2.0", id, error });
    }),
  },
  {
    name: "an answer to tools/list without tools",
    finding: "tools-unanswered",
    serve: listing((_id, res) => void res.json({})),
  },
  {
    name: "an error as its first answer",
    finding: "initialize-refused",
    serve: answering(
      400,
      {},
      {
        jsonrpc: "2.0",
        id: null,
        error: { code: -32000, message: "Unsupported protocol version" },
      },
    ),
  },
  {
    name: "a stream on which no answer comes",
    finding: "call-unanswered",
    serve: async () => {
      const { url } = await listen(({ method }, res) => {
        if (method === "GET") res.writeHead(405).end();
        else res.writeHead(200, { "content-type": "text/event-stream" }).write(": wait\n\n");
      });
      return { url: `${url}/mcp`, timeoutMs: SOON_MS };
    },
  },
  {
    name: "no authentication, although there are keys",
    finding: "open-to-strangers",
    serve: async () => {
      const { url } = await listen((req, res) => {
        void transport(undefined).then((made) => made.handleRequest(req, res));
      });
      return { url: `${url}/mcp`, credentials: [KEY] };
    },
  },
];
