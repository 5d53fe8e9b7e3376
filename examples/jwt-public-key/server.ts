import { MCPServer, principalOf } from "express-mcp-sse";

export const server = new MCPServer({
  name: "jwt-public-key",
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
          // PEM text; its line breaks may be written as \n, as many environments demand.
          publicKey: process.env.JWT_PUBLIC_KEY!,
          algorithms: ["RS256"],
          issuer: "https://auth.mycompany.com",
        },
      },
    },
  },
});

process.once("SIGTERM", () => void server.stop());
await server.start();
console.log("Listening on", server.url);
