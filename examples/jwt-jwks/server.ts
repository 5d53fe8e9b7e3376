import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "production-mcp-server",
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
      cors: {
        allowOrigins: process.env.CORS_ORIGINS?.split(",") ?? [],
      },
      auth: {
        type: "jwt",
        options: {
          jwksUri: `${process.env.AUTH_ISSUER!}/.well-known/jwks.json`,
          algorithms: ["RS256"],
          issuer: process.env.AUTH_ISSUER!,
          audience: process.env.AUTH_AUDIENCE!,
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
