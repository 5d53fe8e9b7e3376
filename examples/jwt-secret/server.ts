import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "jwt-secret",
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
        type: "jwt",
        options: {
          secret: process.env.JWT_SECRET!,
          algorithms: ["HS256"],
          issuer: "my-auth-service",
          audience: "my-mcp-server",
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
