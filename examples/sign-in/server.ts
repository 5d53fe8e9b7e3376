import express from "express";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createSseRouter, FileStorage, MemoryStorage } from "express-mcp-sse";

const port = Number(process.env.PORT ?? 8080);

const mcp = createSseRouter({
  // The address that clients use; the identity provider must know <publicUrl>/oauth/callback.
  publicUrl: process.env.PUBLIC_URL ?? `http://127.0.0.1:${port}/mcp`,
  auth: {
    type: "oauth",
    options: {
      issuerUrl: process.env.OAUTH_ISSUER!,
      clientId: process.env.OAUTH_CLIENT_ID!,
      clientSecret: process.env.OAUTH_CLIENT_SECRET!,
      scopes: ["mcp:read"],
      signIn: {
        // Providers that give refresh tokens want to be asked for them.
        scopes: ["openid", "profile", "email"],
        consent: { name: "Example Tools" },
        // With a file, a restart signs nobody out.
        storage: process.env.SIGN_IN_FILE
          ? new FileStorage({ path: process.env.SIGN_IN_FILE })
          : new MemoryStorage(),
      },
    },
  },
  createServer(session) {
    const server = new McpServer({ name: "sign-in", version: "1.0.0" });
    server.registerTool("whoami", { description: "Tells who is calling" }, () => ({
      content: [{ type: "text", text: String(session.principal.claims["name"]) }],
    }));
    server.registerTool("profile", { description: "Asks the provider as the caller" }, async () => {
      // The provider's own token, refreshed when it is due; it never leaves this server otherwise.
      const { accessToken } = await session.upstream();
      const response = await fetch(`${process.env.OAUTH_ISSUER!}/me`, {
        headers: { authorization: `Bearer ${accessToken}` },
      });
      return { content: [{ type: "text", text: await response.text() }] };
    });
    return server;
  },
});

const app = express();
app.use(mcp.wellKnown);
app.use("/mcp", mcp);
export const listener = app.listen(port, "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
