import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "api-key-query",
  version: "1.0.0",
  setup(mcp) {
    mcp.registerTool("whoami", { description: "Tells who is calling" }, (extra) => ({
      content: [{ type: "text", text: principalOf(extra)?.id ?? "nobody" }],
    }));
  },
  transport: {
    type: "sse",
    options: {
      port: Number(process.env.PORT ?? 8080),
      auth: {
        type: "apikey",
        options: {
          keys: [{ id: "laptop", key: process.env.API_KEY_1! }],
          // For clients that can only be given a URL. URLs end up in logs: prefer the header.
          queryParam: "api_key",
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
