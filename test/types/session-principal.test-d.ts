// Compiled, never run: which principal a session has, and which mistakes are compile errors.
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CreateMessageRequestParams } from "@modelcontextprotocol/sdk/types.js";
import { createSseRouter, MCPServer, SSEServerTransport } from "../../src/index.js";
import type { AuthConfig, McpServerLike, Principal, SessionInfo } from "../../src/index.js";

declare const auth: AuthConfig;
declare const server: McpServerLike;
declare const v1: McpServer;
declare const params: CreateMessageRequestParams;

/** Only a value whose type is exactly this one can be given to the function that this returns. */
declare function exactly<A>(): <B>(value: B & ([A, B] extends [B, A] ? unknown : never)) => void;

declare const anyone: Principal | undefined;
// @ts-expect-error -- the check itself works: this may be more
exactly<Principal>()(anyone);
// @ts-expect-error -- and this may be less
exactly<Principal | undefined>()(anyone!);

createSseRouter({
  auth,
  createServer: (session) => {
    exactly<Principal>()(session.principal);
    exactly<SessionInfo<Principal>>()(session);
    session.onPrincipalChanged((principal, previous) => {
      exactly<Principal>()(principal);
      exactly<Principal>()(previous);
    });
    return server;
  },
});
createSseRouter({
  auth: false,
  createServer: (session) => {
    exactly<undefined>()(session.principal);
    return server;
  },
});
createSseRouter({ auth, createServer: async () => v1 });
createSseRouter({ auth: [auth].flat(), createServer: () => server });

// @ts-expect-error -- without auth
createSseRouter({ createServer: () => server });
// @ts-expect-error -- without a factory
createSseRouter({ auth });
// @ts-expect-error -- a server instead of a factory
createSseRouter({ auth, createServer: server });
// @ts-expect-error -- a factory that returns nothing
createSseRouter({ auth, createServer: () => undefined });
// @ts-expect-error -- only false opens an endpoint
createSseRouter({ auth: true, createServer: () => server });
// @ts-expect-error -- a misspelt option
createSseRouter({ auth, createServer: () => server, keepAlive: 1 });
// @ts-expect-error -- an option of MCPServer
createSseRouter({ auth, createServer: () => server, port: 8080 });
// @ts-expect-error -- seconds are not milliseconds, and text is neither
createSseRouter({ auth, createServer: () => server, keepAliveMs: "15s" });

new MCPServer({
  transport: { type: "sse", options: { auth } },
  setup: (mcp, session) => {
    exactly<McpServer>()(mcp);
    exactly<Principal>()(session.principal);
  },
});
new MCPServer({
  transport: { type: "sse", options: { auth: false } },
  setup: (_mcp, session) => {
    exactly<undefined>()(session.principal);
  },
});
new MCPServer({
  transport: { type: "sse" },
  setup: (_mcp, session) => {
    exactly<undefined>()(session.principal);
  },
});
new MCPServer({
  transport: {
    type: "http-stream",
    options: {
      auth,
      endpoint: ["/mcp", "/sse"],
      responseMode: "batch",
      session: { enabled: true },
    },
  },
  setup: (_mcp, session) => {
    exactly<Principal>()(session.principal);
  },
});
new MCPServer({ transport: { type: "sse", options: { auth, streamable: true } } });
new MCPServer({
  transport: { type: "stdio" },
  setup: async (_mcp, session) => {
    exactly<undefined>()(session.principal);
  },
});
new MCPServer({ setup: (mcp) => void mcp.server.createMessage(params) });
new MCPServer();

// @ts-expect-error -- nobody can be authenticated on stdio
new MCPServer({ transport: { type: "stdio", options: { auth } } });
// @ts-expect-error -- an unknown transport
new MCPServer({ transport: { type: "http" } });
// @ts-expect-error -- an option of HTTP+SSE
new MCPServer({ transport: { type: "http-stream", options: { auth, messageEndpoint: "/m" } } });
// @ts-expect-error -- an option of Streamable HTTP
new MCPServer({ transport: { type: "sse", options: { auth, responseMode: "batch" } } });
// @ts-expect-error -- sessions cannot be switched off
new MCPServer({ transport: { type: "http-stream", options: { session: { enabled: false } } } });
// @ts-expect-error -- auth belongs into the transport's options
new MCPServer({ auth });
// @ts-expect-error -- MCPServer makes the server itself
new MCPServer({ transport: { type: "sse", options: { auth, createServer: () => server } } });
// @ts-expect-error -- a port is a number
new MCPServer({ transport: { type: "sse", options: { auth, port: "8080" } } });

declare const session: SessionInfo<Principal>;
declare const other: Principal;
// @ts-expect-error -- a session's principal is not to be written
session.principal = other;
// @ts-expect-error -- nor are its parts
session.principal.scopes = ["admin"];

// @ts-expect-error -- a transport needs the response that carries its stream
new SSEServerTransport("/messages");
