import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import type { Express } from "express";
import { createMcpRouter } from "express-mcp-sse";
import type { OAuthAuth } from "express-mcp-sse";
import { z } from "zod";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** The app, for an issuer that its caller chooses: a test brings its own. */
export function createApp(auth: OAuthAuth): Express {
  const notes = new Map<string, string>([["1", "buy milk"]]);
  const createServer = (): McpServer => {
    const server = new McpServer({ name: "notes", version: "1.0.0" });
    const id = z.string();
    server.registerTool("read_note", { inputSchema: { id } }, (note) =>
      text(notes.get(note.id) ?? "There is no such note."),
    );
    server.registerTool("delete_note", { inputSchema: { id } }, (note) =>
      text(notes.delete(note.id) ? "deleted" : "There is no such note."),
    );
    return server;
  };
  const policy = {
    tools: { read_note: { scopes: "notes:read" }, delete_note: { scopes: "notes:write" } },
    otherwise: "deny",
  } as const;
  return express().use("/mcp", createMcpRouter({ auth, createServer, policy }));
}

if (process.argv[1] === import.meta.filename) {
  const app = createApp({
    type: "oauth",
    options: {
      issuerUrl: process.env.AUTH_ISSUER!,
      clientId: process.env.OAUTH_CLIENT_ID!,
      clientSecret: process.env.OAUTH_CLIENT_SECRET!,
      audience: process.env.AUTH_AUDIENCE!,
    },
  });
  app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
}
