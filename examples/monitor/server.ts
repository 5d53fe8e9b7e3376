import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import passport from "passport";
import { BasicStrategy } from "passport-http";
import { createMcpRouter } from "express-mcp-sse";

const mcp = createMcpRouter({
  auth: {
    type: "apikey",
    options: { keys: [{ id: "reporting", key: process.env.API_KEY_1! }] },
  },
  createServer({ principal }) {
    const server = new McpServer({ name: "monitored", version: "1.0.0" });
    server.registerTool("whoami", { description: "Tells who is calling" }, () => ({
      content: [{ type: "text", text: principal.id }],
    }));
    return server;
  },
});

// Who may look: whatever guards the app's other pages for operators. Here their browser asks for a password.
const operators = new BasicStrategy((name, password, done) => {
  done(null, name === "operator" && password === process.env.OPERATOR_PASSWORD && { name });
});
const guard = passport.authenticate(operators, { session: false }) as express.RequestHandler;

const app = express();
app.use("/mcp", mcp);
app.use("/admin/mcp", mcp.monitor({ guard, title: "MCP of this example" }));
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
