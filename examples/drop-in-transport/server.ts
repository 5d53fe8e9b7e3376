import { randomUUID } from "node:crypto";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
// Was: from "@modelcontextprotocol/sdk/server/sse.js" and ".../server/streamableHttp.js"
import { SSEServerTransport, StreamableHTTPServerTransport } from "express-mcp-sse";

// Like the SDK's, these classes authenticate nobody. createMcpRouter does.
const app = express();
const transports = new Map<string, SSEServerTransport>();
const streamables = new Map<string, StreamableHTTPServerTransport>();

app.get("/sse", async (_req, res) => {
  const transport = new SSEServerTransport("/messages", res);
  transports.set(transport.sessionId, transport);
  res.on("close", () => transports.delete(transport.sessionId));
  await createServer().connect(transport);
});

app.post("/messages", express.json(), async (req, res) => {
  const { sessionId } = req.query;
  const transport = transports.get(sessionId as string);
  if (transport === undefined) res.status(404).send("There is no such session.");
  else await transport.handlePostMessage(req, res, req.body);
});

app.all("/mcp", express.json(), async (req, res) => {
  const sessionId = req.get("mcp-session-id");
  const transport = sessionId === undefined ? await begin() : streamables.get(sessionId);
  if (transport === undefined) res.status(404).send("There is no such session.");
  else await transport.handleRequest(req, res, req.body);
});

async function begin(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void streamables.set(id, transport),
  });
  transport.onclose = () => void streamables.delete(transport.sessionId ?? "");
  await createServer().connect(transport);
  return transport;
}

function createServer(): McpServer {
  const server = new McpServer({ name: "drop-in-transport", version: "1.0.0" });
  server.registerTool("ping", { description: "Answers pong" }, () => ({
    content: [{ type: "text", text: "pong" }],
  }));
  return server;
}

export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => {
  for (const transport of [...transports.values(), ...streamables.values()]) {
    void transport.close();
  }
  listener.close();
});
