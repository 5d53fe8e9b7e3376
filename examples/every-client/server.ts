import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";

export const mcp = createMcpRouter({
  auth: { type: "apikey", options: { keys: [{ id: "reporting", key: process.env.API_KEY_1! }] } },
  // Of the same copy of the SDK as the servers. A project with one copy can leave this out.
  streamable: { modern: createMcpHandler },
  // Over 2026-07-28, which has no sessions, this is called for each request.
  createServer({ principal, transport, era }) {
    const server = new McpServer({ name: "every-client", version: "1.0.0" });
    server.registerTool("whoami", { description: "Tells who is calling, and how" }, () => ({
      content: [{ type: "text", text: `${principal.id}, over ${transport} of ${era}` }],
    }));
    return server;
  },
});

// For whoever wants to switch HTTP+SSE off one day.
mcp.sessions.on("begun", ({ transport, client }) => {
  console.log(`a session has begun over ${transport}: ${client?.name ?? "somebody"}`);
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
