import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";
import { z } from "zod";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A shop's tools. They do not know who may use them: that is what `policy` is for. */
function createServer(): McpServer {
  const server = new McpServer({ name: "shop", version: "1.0.0" });
  server.registerTool("find_order", {}, () => text("order 7: 2 lamps"));
  server.registerTool("delete_order", {}, () => text("deleted"));
  const refund = { inputSchema: { amount: z.number() } };
  server.registerTool("refund", refund, ({ amount }) => text(`refunded ${amount}`));
  server.registerResource("prices", "file:///public/prices", {}, ({ href: uri }) => ({
    contents: [{ uri, text: "lamp: 20" }],
  }));
  server.registerResource("salaries", "file:///private/salaries", {}, ({ href: uri }) => ({
    contents: [{ uri, text: "ada: 9000" }],
  }));
  return server;
}

const mcp = createMcpRouter({
  auth: {
    type: "apikey",
    options: {
      keys: [
        { id: "reader", key: process.env.READER_KEY!, scopes: ["shop:read"] },
        { id: "clerk", key: process.env.CLERK_KEY!, scopes: ["shop:read", "shop:write"] },
      ],
    },
  },
  createServer,
  policy: {
    tools: {
      "*": { scopes: "shop:read" },
      "delete_*": { scopes: "shop:write" },
      refund: {
        scopes: "shop:write",
        // The arguments come last: a list is filtered without any.
        when: (_principal, { arguments: { amount } }) =>
          Number(amount) <= 100 || { reason: "more than 100 needs a manager." },
        perMinute: 2,
      },
    },
    resources: { "file:///public/*": true },
    otherwise: "deny",
  },
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
