import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as StreamableV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as StreamableV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { context, propagation, trace } from "@opentelemetry/api";
import { onDispose } from "./clean-up.js";
import { asCaller } from "./conversation.js";
import { createFeatureServerV1, createFeatureServerV2, Stage } from "./feature-servers.js";
import { toolCall } from "./raw-sse.js";
import { serveMcp } from "./streamable.js";
import type { ServeMcpOptions, StreamableConversation } from "./streamable.js";

/** What a tool does that has spans of its own, as any library in it may. */
async function work() {
  await new Promise(setImmediate);
  const tenant = propagation.getBaggage(context.active())?.getEntry("tenant")?.value;
  return trace.getTracer("app").startActiveSpan("query", async (span) => {
    await new Promise(setImmediate);
    span.end();
    return { content: [{ type: "text" as const, text: tenant ?? "done" }] };
  });
}

/** Every feature on an SDK major, and a tool `work` that makes a span `query`. */
function createServer(major: Wire["major"], stage: Stage) {
  if (major === "v1") {
    const server = createFeatureServerV1(stage);
    server.registerTool("work", {}, work);
    return server;
  }
  const server = createFeatureServerV2(stage);
  server.registerTool("work", {}, work);
  return server;
}

/** By which way a client of an SDK major reaches a server of the same. */
export interface Wire {
  readonly name: string;
  readonly major: "v1" | "v2";
  readonly era: "2024" | "2025" | "2026";
}

export const WIRES: readonly Wire[] = [
  { name: "HTTP+SSE, SDK v1", major: "v1", era: "2024" },
  { name: "HTTP+SSE, SDK v2", major: "v2", era: "2024" },
  { name: "Streamable HTTP, SDK v1", major: "v1", era: "2025" },
  { name: "Streamable HTTP, SDK v2", major: "v2", era: "2025" },
  { name: "Streamable HTTP of 2026-07-28", major: "v2", era: "2026" },
];

/** What a client of either major is asked for here. */
interface TracedClient {
  callTool(params: { name: string; arguments?: object; _meta?: object }): Promise<unknown>;
  getPrompt(params: { name: string; arguments?: object }): Promise<unknown>;
  readResource(params: { uri: string; _meta?: object }): Promise<unknown>;
  close(): Promise<void>;
}

const CAPABILITIES = { capabilities: { sampling: {} } };

const SAMPLED = { model: "test", role: "assistant", content: { type: "text", text: "Fine" } };

/** A router, with a client of the wire, which keeps the `_meta` of what the server asks it. */
export async function serveTraced(wire: Wire, options: ServeMcpOptions = {}) {
  const stage = new Stage();
  const served = await serveMcp({
    createServer: () => createServer(wire.major, stage),
    ...(wire.major === "v2" && { streamable: { modern: createMcpHandler } }),
    ...options,
  });
  const url = wire.era === "2024" ? served.sseUrl : served.mcpUrl;
  const asked: unknown[] = [];
  const client = await connect(wire, new URL(url), (meta) => asked.push(meta));
  onDispose(() => client.close());
  return { ...served, client, stage, asked };
}

async function connect(
  { major, era }: Wire,
  url: URL,
  noteMeta: (meta: unknown) => void,
): Promise<TracedClient> {
  const options = { requestInit: { headers: asCaller() } };
  /* eslint-disable @typescript-eslint/no-deprecated -- what is asked for here is of HTTP+SSE, too */
  if (major === "v1") {
    const client = new ClientV1({ name: "v1", version: "1" }, CAPABILITIES);
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      noteMeta(params._meta);
      return SAMPLED;
    });
    await client.connect(new (era === "2024" ? SseV1 : StreamableV1)(url, options));
    return client as unknown as TracedClient;
  }
  const pinned = { versionNegotiation: { mode: { pin: "2026-07-28" } } } as const;
  const client = new ClientV2(
    { name: "v2", version: "2" },
    { ...CAPABILITIES, ...(era === "2026" && pinned) },
  );
  client.setRequestHandler("sampling/createMessage", ({ params }) => {
    noteMeta(params._meta);
    return SAMPLED as never;
  });
  await client.connect(new (era === "2024" ? SseV2 : StreamableV2)(url, options));
  /* eslint-enable @typescript-eslint/no-deprecated */
  return client as unknown as TracedClient;
}

/** Calls so many tools that there are not, each by a name of its own, several at a time. */
export async function callMadeUpTools({ url, headers }: StreamableConversation, count: number) {
  const json = "application/json";
  const head = { ...headers, "content-type": json, accept: `${json}, text/event-stream` };
  let called = 0;
  const lane = async () => {
    while (called < count) {
      const id = 1_000 + called++;
      const body = JSON.stringify(toolCall(id, `made-up-${id}`));
      const response = await fetch(url, { method: "POST", headers: head, body });
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}
