import { EventEmitter, once } from "node:events";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import { principalOf } from "../../src/index.js";

/** What a test hears from a server's tools, and tells them. */
export class Stage {
  readonly #facts = new EventEmitter().setMaxListeners(0);
  readonly #told = new Map<string, unknown[]>();

  /** A tool tells that something has happened. */
  tell(fact: string, detail?: unknown): void {
    this.#told.set(fact, [...(this.#told.get(fact) ?? []), detail]);
    this.#facts.emit(fact);
  }

  /** Resolves with the detail of the `count`-th telling, which may be in the past. */
  async heard(fact: string, count = 1): Promise<unknown> {
    while ((this.#told.get(fact)?.length ?? 0) < count) await once(this.#facts, fact);
    return this.#told.get(fact)![count - 1];
  }

  /** How often this was told so far. */
  count(fact: string): number {
    return this.#told.get(fact)?.length ?? 0;
  }
}

/** What a tool can know of its caller, made plain for both SDKs. */
export interface CallerSeen {
  principal: { id: string; method: string; scopes: readonly string[] } | null;
  clientId: string | null;
  token: string | null;
  headers: Record<string, unknown>;
  url: string | null;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

const sampling = (question: string) => ({
  messages: [{ role: "user" as const, content: { type: "text" as const, text: question } }],
  maxTokens: 10,
});

const form = {
  message: "Which colour?",
  requestedSchema: { type: "object" as const, properties: { colour: { type: "string" as const } } },
};

const CAPABILITIES = { capabilities: { logging: {} } };

/** Everything that MCP can do, on SDK v1. */
export function createFeatureServerV1(stage: Stage): McpServerV1 {
  const server = new McpServerV1({ name: "features", version: "1.0.0" }, CAPABILITIES);
  addFeaturesV1(server, stage);
  return server;
}

/** The same for a server that someone else makes. */
export function addFeaturesV1(server: McpServerV1, stage: Stage): void {
  addToolsV1(server, stage);
  server.registerResource("doc", "test://doc", {}, (uri) => ({
    contents: [{ uri: uri.href, text: "the document" }],
  }));
  server.registerResource("broken", "test://broken", {}, () => {
    throw new Error("the resource is broken");
  });
  server.registerPrompt("greet", { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello ${name}` } }],
  }));
  server.registerPrompt("broken", {}, () => {
    throw new Error("the prompt is broken");
  });
}

/** The tools alone. */
export function addToolsV1(server: McpServerV1, stage: Stage): void {
  server.registerTool("echo", { inputSchema: { text: z.string() } }, (args) => text(args.text));
  server.registerTool("fail", {}, () => {
    throw new Error("the tool is broken");
  });
  server.registerTool("whoami", {}, (extra) => {
    const seen: CallerSeen = {
      principal: principalOf(extra) ?? null,
      clientId: extra.authInfo?.clientId ?? null,
      token: extra.authInfo?.token ?? null,
      headers: { ...extra.requestInfo?.headers },
      url: extra.requestInfo?.url?.href ?? null,
    };
    return text(JSON.stringify(seen));
  });
  server.registerTool("steps", {}, async (extra) => {
    const progressToken = extra._meta?.progressToken ?? "none";
    for (const progress of [1, 2, 3]) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 3 },
      });
    }
    await stage.heard("steps seen");
    return text("done");
  });
  server.registerTool("ask", {}, async () => {
    const { content } = await server.server.createMessage(sampling("How are you?"));
    return text(JSON.stringify(content));
  });
  server.registerTool("elicit", {}, async () =>
    text(JSON.stringify(await server.server.elicitInput(form))),
  );
  server.registerTool("roots", {}, async () =>
    text(JSON.stringify((await server.server.listRoots()).roots)),
  );
  server.registerTool("hang", {}, (extra) => hang(stage, extra.signal));
  server.registerTool("held", { inputSchema: { name: z.string() } }, (args) =>
    held(stage, args.name),
  );
  server.registerTool("log", {}, async () => {
    await server.sendLoggingMessage({ level: "info", data: "a line" });
    server.sendToolListChanged();
    return text("logged");
  });
}

/** The same on SDK v2. */
export function createFeatureServerV2(stage: Stage): McpServerV2 {
  const server = new McpServerV2({ name: "features", version: "2.0.0" }, CAPABILITIES);
  addToolsV2(server, stage);
  server.registerResource("doc", "test://doc", {}, (uri) => ({
    contents: [{ uri: uri.href, text: "the document" }],
  }));
  server.registerResource("broken", "test://broken", {}, () => {
    throw new Error("the resource is broken");
  });
  server.registerPrompt("greet", { argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello ${name}` } }],
  }));
  server.registerPrompt("broken", {}, () => {
    throw new Error("the prompt is broken");
  });
  return server;
}

function addToolsV2(server: McpServerV2, stage: Stage): void {
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (args) =>
    text(args.text),
  );
  server.registerTool("fail", {}, () => {
    throw new Error("the tool is broken");
  });
  server.registerTool("whoami", {}, ({ http }) => {
    const seen: CallerSeen = {
      principal: principalOf({ http }) ?? null,
      clientId: http?.authInfo?.clientId ?? null,
      token: http?.authInfo?.token ?? null,
      headers: Object.fromEntries(http?.req?.headers ?? []),
      url: http?.req?.url ?? null,
    };
    return text(JSON.stringify(seen));
  });
  server.registerTool("steps", {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? "none";
    for (const progress of [1, 2, 3]) {
      await mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total: 3 },
      });
    }
    await stage.heard("steps seen");
    return text("done");
  });
  /* eslint-disable @typescript-eslint/no-deprecated -- the requests that HTTP+SSE clients know */
  server.registerTool("ask", {}, async ({ mcpReq }) => {
    const { content } = await mcpReq.requestSampling(sampling("How are you?"));
    return text(JSON.stringify(content));
  });
  server.registerTool("elicit", {}, async ({ mcpReq }) =>
    text(JSON.stringify(await mcpReq.elicitInput({ mode: "form", ...form }))),
  );
  server.registerTool("roots", {}, async () =>
    text(JSON.stringify((await server.server.listRoots()).roots)),
  );
  /* eslint-enable @typescript-eslint/no-deprecated */
  server.registerTool("hang", {}, ({ mcpReq }) => hang(stage, mcpReq.signal));
  server.registerTool("held", { inputSchema: z.object({ name: z.string() }) }, (args) =>
    held(stage, args.name),
  );
  server.registerTool("log", {}, async ({ mcpReq }) => {
    await mcpReq.notify({
      method: "notifications/message",
      params: { level: "info", data: "a line" },
    });
    server.sendToolListChanged();
    return text("logged");
  });
}

/** A tool that ends only by being cancelled. */
async function hang(stage: Stage, signal: AbortSignal) {
  stage.tell("hang started");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  stage.tell("hang aborted");
  return text("too late");
}

/** A tool that ends when the test says so. */
async function held(stage: Stage, name: string) {
  stage.tell(`${name} started`);
  await stage.heard(`${name} released`);
  return text(name);
}
