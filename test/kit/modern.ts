import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { McpServer, requireScopes } from "@modelcontextprotocol/server";
import { z } from "zod";
import { principalOf } from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { asCaller } from "./conversation.js";
import type { RawAnswer } from "./raw-http.js";
import type { RawStream } from "./raw-sse.js";
import { postForStream, postMessage } from "./streamable.js";
import { signal } from "./waiting.js";

export const REVISION = "2026-07-28";

const PREFIX = "io.modelcontextprotocol";

/** What each request says of its client. */
export const ENVELOPE = {
  [`${PREFIX}/protocolVersion`]: REVISION,
  [`${PREFIX}/clientCapabilities`]: {},
  [`${PREFIX}/clientInfo`]: { name: "raw", version: "7" },
};

/** A request of 2026-07-28. @param more what its parameters have beside the envelope. */
export function modernRequest(id: number | string, method: string, more: object = {}): object {
  return { jsonrpc: "2.0", id, method, params: { ...more, _meta: ENVELOPE } };
}

export function modernCall(id: number | string, name: string, args: object = {}): object {
  return modernRequest(id, "tools/call", { name, arguments: args });
}

/** Headers that say what a request says of itself. */
export function headersOf(message: object): Record<string, string> {
  const { method = "", params = {} } = message as {
    method?: string;
    params?: { name?: string; uri?: string };
  };
  const name = params.name ?? params.uri;
  return {
    "mcp-protocol-version": REVISION,
    "mcp-method": method,
    ...(name !== undefined && { "mcp-name": name }),
  };
}

/** Posts a request as clients of 2026-07-28 do, and reads a whole answer; of a stream only the head. */
export function postModern(
  url: string,
  message: object,
  headers: Record<string, string> = asCaller(),
): Promise<RawAnswer> {
  return postMessage(url, message, { ...headersOf(message), ...headers });
}

/** Subscribes, and reads that it was acknowledged. */
export async function listenTo(
  url: string,
  notifications: object,
  headers: Record<string, string> = asCaller(),
  id: number | string = "listen",
): Promise<RawStream> {
  const message = modernRequest(id, "subscriptions/listen", { notifications });
  const stream = await postForStream(url, message, { ...headersOf(message), ...headers });
  const { method } = await stream.nextMessage();
  if (method !== "notifications/subscriptions/acknowledged") throw new Error(String(method));
  return stream;
}

/** SDK v2's client, in one of its modes. */
export async function connectV2(
  url: string,
  mode: "legacy" | "auto" | { pin: string },
  headers: Record<string, string> = asCaller(),
): Promise<Client> {
  const client = new Client({ name: "v2", version: "2" }, { versionNegotiation: { mode } });
  onDispose(() => client.close());
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  );
  return client;
}

/** A tool that is held, and what happens to it. */
export class Held {
  readonly started = signal();
  readonly released = signal();
  readonly aborted = signal();
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A server of SDK v2 with a tool for each thing that may happen to a request. */
export function createModernServer(held: Held = new Held()): McpServer {
  const server = new McpServer(
    { name: "modern", version: "2.0.0" },
    { capabilities: { tools: { listChanged: true }, resources: { subscribe: true } } },
  );
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (args) =>
    text(args.text),
  );
  server.registerTool("whoami", {}, (ctx) => text(JSON.stringify(principalOf(ctx) ?? null)));
  server.registerTool("headers", {}, (ctx) =>
    text(JSON.stringify([...(ctx.http?.req?.headers.keys() ?? [])])),
  );
  server.registerTool("admin", { scopeChallenge: requireScopes("admin") }, () => text("done"));
  server.registerTool("held", {}, async ({ mcpReq }) => {
    mcpReq.signal.addEventListener("abort", () => held.aborted.resolve());
    held.started.resolve();
    await held.released.promise;
    return text("released");
  });
  server.registerTool("steps", {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? "steps";
    for (const progress of [1, 2, 3]) {
      await mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress },
      });
    }
    return text("walked");
  });
  server.registerTool("flood", {}, async ({ mcpReq }) => {
    const data = "x".repeat(1024 * 1024);
    for (let sent = 0; sent < 300 && !mcpReq.signal.aborted; sent++) {
      await mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken: "flood", progress: sent, message: data },
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return text("poured");
  });
  const region = {
    inputSchema: z.object({ region: z.string().meta({ "x-mcp-header": "region" }) }),
  };
  server.registerTool("region", region, (args) => text(args.region));
  server.registerResource("note", "note://alice", {}, (uri) => ({
    contents: [{ uri: uri.href, text: "note" }],
  }));
  return server;
}
