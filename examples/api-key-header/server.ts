import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "api-key-header",
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
          keys: [
            process.env.API_KEY_1!,
            // A key with an id: that is what tools see. The first one is known by a fingerprint.
            { id: "billing-service", key: process.env.API_KEY_2! },
          ],
          headerName: "X-API-Key",
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
