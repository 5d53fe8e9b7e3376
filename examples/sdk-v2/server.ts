import { McpServer } from "@modelcontextprotocol/server";
import express from "express";
import { createSseRouter, principalOf } from "express-mcp-sse";
import { z } from "zod";

const mcp = createSseRouter({
  auth: {
    type: "jwt",
    options: {
      secret: process.env.JWT_SECRET!,
      algorithms: ["HS256"],
      issuer: "my-auth-service",
      audience: "my-mcp-server",
    },
  },
  createServer() {
    const server = new McpServer({ name: "sdk-v2", version: "1.0.0" });
    server.registerTool(
      "greet",
      { description: "Greets the caller", inputSchema: z.object({ greeting: z.string() }) },
      ({ greeting }, ctx) => ({
        content: [{ type: "text", text: `${greeting}, ${principalOf(ctx)?.id ?? "nobody"}!` }],
      }),
    );
    return server;
  },
});

const app = express();
app.use("/mcp", mcp);
export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
