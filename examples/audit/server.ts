import { createWriteStream } from "node:fs";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";

// One line of JSON for each event, as collectors of logs read them. A stream waits for the disk, and no call waits for it.
const trail = createWriteStream(process.env.AUDIT_FILE ?? "audit.jsonl", {
  flags: "a",
  mode: 0o600,
});
trail.on("error", (error) => console.error("the audit trail cannot be written:", error.message));

const mcp = createMcpRouter({
  name: "orders",
  auth: {
    type: "apikey",
    options: {
      keys: [
        { id: "reporting", key: process.env.API_KEY_1! },
        { id: "billing", key: process.env.API_KEY_2!, scopes: ["refund"] },
      ],
    },
  },
  policy: { tools: { refund: { scopes: ["refund"] } } },
  audit: (event) => trail.write(`${JSON.stringify(event)}\n`),
  createServer() {
    const server = new McpServer({ name: "audited", version: "1.0.0" });
    server.registerTool("refund", { description: "Gives money back" }, () => ({
      content: [{ type: "text", text: "done" }],
    }));
    return server;
  },
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", async () => {
  await mcp.close();
  // After the last session: its end is in the trail, too.
  trail.end(() => listener.close());
});
