import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "documented-oauth",
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
        type: "oauth",
        options: {
          issuerUrl: process.env.AUTH_ISSUER ?? "https://auth.mycompany.com",
          clientId: process.env.OAUTH_CLIENT_ID!,
          clientSecret: process.env.OAUTH_CLIENT_SECRET!,
          audience: "my-mcp-server",
          scopes: ["mcp:read", "mcp:write"],
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
