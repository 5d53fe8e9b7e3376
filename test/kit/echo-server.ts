import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import { principalOf } from "../../src/index.js";

/** A server of SDK v1 with two tools: one echoes, one tells who is calling. */
export function createEchoServerV1(): McpServerV1 {
  const server = new McpServerV1({ name: "echo", version: "1.0.0" });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  server.registerTool("whoami", {}, (extra) => ({
    content: [{ type: "text", text: JSON.stringify(principalOf(extra) ?? null) }],
  }));
  return server;
}

/** The same on SDK v2. */
export function createEchoServerV2(): McpServerV2 {
  const server = new McpServerV2({ name: "echo", version: "2.0.0" });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  server.registerTool("whoami", {}, (ctx) => ({
    content: [{ type: "text", text: JSON.stringify(principalOf(ctx) ?? null) }],
  }));
  return server;
}
