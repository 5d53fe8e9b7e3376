import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { BasicStrategy } from "passport-http";
import { createSseRouter, fromPassport } from "express-mcp-sse";

interface User {
  name: string;
  role: string;
}

// Any strategy from npm will do; this one asks for a user name and a password.
const strategy = new BasicStrategy((name, password, done) => {
  done(null, name === "ada" && password === "lovelace" ? { name, role: "analyst" } : false);
});

const mcp = createSseRouter({
  auth: fromPassport(strategy, {
    challenge: 'Basic realm="staff"',
    principal: (user) => {
      const { name, role } = user as User;
      return { id: name, claims: { role } };
    },
  }),
  createServer({ principal }) {
    const server = new McpServer({ name: "passport-basic", version: "1.0.0" });
    server.registerTool("whoami", { description: "Tells who is calling" }, () => ({
      content: [{ type: "text", text: `${principal.id}, ${String(principal.claims["role"])}` }],
    }));
    return server;
  },
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
