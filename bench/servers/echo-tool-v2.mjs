/** The same tool for servers of SDK v2. */
import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/** Made once, as in a program that makes a server for each request. */
const inputSchema = z.object({ text: z.string(), times: z.number().int().optional() });

export function createEchoServerV2() {
  const server = new McpServer({ name: "echo", version: "1.0.0" });
  server.registerTool(
    "echo",
    { description: "Says it again", inputSchema },
    ({ text, times = 1 }) => ({ content: [{ type: "text", text: text.repeat(times) }] }),
  );
  return server;
}
