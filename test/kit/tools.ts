import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import { principalOf } from "../../src/index.js";

/** A server with tools that show what reaches a tool. */
export function createToolServer(): McpServer {
  const server = new McpServer({ name: "tools", version: "1.0.0" });
  registerTools(server);
  return server;
}

/** `echo`, `whoami`, and `request`, which tells what a tool sees of the POST. */
export function registerTools(server: McpServer): void {
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, (args) => text(args.text));
  server.registerTool("whoami", {}, (extra) => text(JSON.stringify(principalOf(extra) ?? null)));
  server.registerTool("request", {}, ({ requestInfo, authInfo }) => {
    const headers = { ...requestInfo?.headers };
    // A bearer token is the tool's to see; here it must not be taken for a leak.
    if (headers["authorization"] !== undefined) headers["authorization"] = "present";
    return text(JSON.stringify({ headers, url: requestInfo?.url, authInfo }));
  });
}

/** A tool that answers when it is let go. */
export class HeldTool {
  readonly started: Promise<void>;
  #noteStart: () => void = () => undefined;
  readonly #released: Promise<void>;
  release: () => void = () => undefined;

  constructor() {
    this.started = new Promise((resolve) => (this.#noteStart = resolve));
    this.#released = new Promise((resolve) => (this.release = resolve));
  }

  readonly register = (server: McpServer): void => {
    server.registerTool("held", {}, async () => {
      this.#noteStart();
      await this.#released;
      return { content: [{ type: "text", text: "released" }] };
    });
  };

  createServer(): McpServer {
    const server = new McpServer({ name: "held", version: "1.0.0" });
    this.register(server);
    return server;
  }
}

/** `echo` and `whoami` on SDK v2. */
export function createToolServerV2(): McpServerV2 {
  const server = new McpServerV2({ name: "tools", version: "2.0.0" });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  server.registerTool("whoami", {}, (ctx) => ({
    content: [{ type: "text", text: JSON.stringify(principalOf(ctx) ?? null) }],
  }));
  return server;
}
