import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { ProgressNotification } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { fromToolClasses, MCPServer, principalOf } from "../../src/index.js";
import type { ToolClass, ToolInstance } from "../../src/index.js";
import { asCaller, Conversation } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";

import { initialize, initialized, openSession, post } from "../kit/raw-sse.js";

cleanUpAfterEach();

interface Answer {
  content: Record<string, unknown>[];
  isError?: boolean;
  structuredContent?: unknown;
}

/** A client of a server with these tools. */
async function connect(...classes: ToolClass[]) {
  const server = new McpServer({ name: "tools", version: "1" });
  fromToolClasses(...classes)(server);
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  await Promise.all([server.connect(far), client.connect(near)]);
  onDispose(() => client.close());
  const call = async (name: string, args = {}, options = {}): Promise<Answer> =>
    (await client.callTool({ name, arguments: args }, undefined, options)) as Answer;
  return { client, call };
}

/** As the framework's documentation writes one. */
class AddTool {
  name = "add";
  description = "Adds two numbers";
  schema = z.object({
    a: z.number().describe("First"),
    b: z.number().default(1).describe("Second"),
  });
  async execute({ a, b }: { a: number; b: number }) {
    return `${a + b}`;
  }
}

/** The older form. */
class GreetTool {
  name = "greet";
  description = "Greets somebody";
  schema = {
    who: { type: z.string(), description: "Whom" },
    loud: { type: z.boolean().optional(), description: "Whether to shout" },
  };
  execute({ who, loud }: { who: string; loud?: boolean }) {
    return loud === true ? who.toUpperCase() : who;
  }
}

/** A class of which only the schema matters. */
function withSchema(schema: unknown): unknown {
  return class {
    name = "it";
    schema = schema;
    execute() {
      return 1;
    }
  };
}

describe("tool classes", () => {
  it("TOOLS-1: are listed with their descriptions and both forms of a schema", async () => {
    const { client } = await connect(AddTool, GreetTool);
    const { tools } = await client.listTools();
    expect(tools).toMatchObject([
      {
        name: "add",
        description: "Adds two numbers",
        inputSchema: {
          properties: { a: { type: "number", description: "First" } },
          required: ["a"],
        },
      },
      {
        name: "greet",
        description: "Greets somebody",
        inputSchema: {
          properties: { who: { type: "string", description: "Whom" } },
          required: ["who"],
        },
      },
    ]);
  });

  it("TOOLS-1: are called with what their schema made of the arguments, and refuse the rest", async () => {
    const { call } = await connect(AddTool, GreetTool);
    expect((await call("add", { a: 2 })).content).toEqual([{ type: "text", text: "3" }]);
    expect((await call("greet", { who: "ada", loud: true })).content).toEqual([
      { type: "text", text: "ADA" },
    ]);
    expect(await call("add", { a: "2" })).toMatchObject({ isError: true });
    expect(await call("greet", {})).toMatchObject({ isError: true });
  });

  it.each<[string, unknown, object, Partial<ToolInstance>]>([
    ["an object", { n: 1 }, { content: [{ type: "text", text: '{"n":1}' }] }, {}],
    [
      "a text in the framework's class",
      "hi",
      { content: [{ type: "text", text: '"hi"' }] },
      { useStringify: true },
    ],
    [
      "a number that is not stringified",
      7,
      { content: [{ type: "text", text: "7" }] },
      { useStringify: false },
    ],
    ["nothing", undefined, { content: [{ type: "text", text: "" }] }, {}],
    [
      "an image",
      { type: "image", data: "AAAA", mimeType: "image/png" },
      { content: [{ type: "image", data: "AAAA", mimeType: "image/png" }] },
      {},
    ],
    [
      "content",
      [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      {
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      {},
    ],
    [
      "what its output schema names",
      { n: 1 },
      { structuredContent: { n: 1 } },
      { outputSchemaShape: z.object({ n: z.number() }) },
    ],
  ])("TOOLS-2: may return %s", async (_what, result, expected, more) => {
    class Tool {
      name = "it";
      constructor() {
        Object.assign(this, more);
      }
      execute() {
        return result;
      }
    }
    const { call } = await connect(Tool);
    expect(await call("it")).toMatchObject(expected);
  });

  it("TOOLS-2: that throw answer with an error", async () => {
    class Tool {
      name = "it";
      execute() {
        throw new Error("there is no such city");
      }
    }
    const { call } = await connect(Tool);
    expect(await call("it")).toMatchObject({
      isError: true,
      content: [{ text: "there is no such city" }],
    });
  });

  it("TOOLS-3: of the framework's base class get their server, signal and progress token", async () => {
    class Tool {
      name = "it";
      server: { notification: (message: ProgressNotification) => Promise<void> } | undefined;
      token: string | number | undefined;
      signal: AbortSignal | undefined;
      injectServer(server: never) {
        this.server = server;
      }
      setProgressToken(token: string | number | undefined) {
        this.token = token;
      }
      setAbortSignal(signal: AbortSignal) {
        this.signal = signal;
      }
      async execute() {
        const params = { progressToken: this.token!, progress: 1 };
        await this.server?.notification({ method: "notifications/progress", params });
        return this.signal?.aborted;
      }
    }
    const { call } = await connect(Tool);
    const seen: unknown[] = [];
    const onprogress = (progress: unknown) => void seen.push(progress);
    expect((await call("it", {}, { onprogress })).content).toEqual([
      { type: "text", text: "false" },
    ]);
    expect(seen).toEqual([{ progress: 1 }]);
  });

  it("TOOLS-3: are one instance for each session, and know who calls", async () => {
    class CountTool {
      name = "count";
      calls = 0;
      execute(_input: unknown, extra: unknown) {
        return `${principalOf(extra)?.id ?? "nobody"} ${++this.calls}`;
      }
    }
    const server = await startMcpServer({
      setup: fromToolClasses(CountTool),
      transport: { type: "sse", options: { port: 0, logger: false, auth: JWT_AUTH } },
    });
    for (const sub of ["ada", "bob"]) {
      const headers = asCaller({ sub });
      const { stream, postUrl, endpoint } = await openSession(server.url!, headers);
      await post(postUrl, initialize, headers);
      await stream.nextMessage();
      await post(postUrl, initialized, headers);
      const mcp = new Conversation(stream, postUrl, endpoint, headers);
      expect([await mcp.call("count"), await mcp.call("count")]).toEqual([`${sub} 1`, `${sub} 2`]);
    }
  });

  it.each<[string, unknown[], RegExp]>([
    ["none", [], /^fromToolClasses got no class/],
    ["an instance", [new AddTool()], /^fromToolClasses\[0\] is no class\. Write the class itself/],
    [
      "a class without a name",
      [
        class {
          execute() {
            return 1;
          }
        },
      ],
      /^fromToolClasses\[0\]\.name is undefined/,
    ],
    [
      "a class without execute",
      [
        AddTool,
        class {
          name = "it";
        },
      ],
      /^fromToolClasses\[1\] has no execute/,
    ],
    [
      "a class with an app",
      [
        class {
          name = "it";
          app = {};
          execute() {
            return 1;
          }
        },
      ],
      /^fromToolClasses\[0\]\.app is not supported/,
    ],
    ["a schema that is none", [withSchema(null)], /^fromToolClasses\[0\]\.schema is no schema/],
    ["a schema that is text", [withSchema("a")], /^fromToolClasses\[0\]\.schema is no schema/],
    [
      "a field of a schema that has no type",
      [withSchema({ a: "string" })],
      /^fromToolClasses\[0\]\.schema\.a has no type of zod's/,
    ],
    [
      "a field of a schema that is nothing",
      [withSchema({ a: undefined })],
      /^fromToolClasses\[0\]\.schema\.a has no type of zod's/,
    ],
    [
      "two tools of one name",
      [withSchema({}), withSchema({})],
      /^fromToolClasses\[1\]\.name is that of fromToolClasses\[0\] as well/,
    ],
  ])("TOOLS-4: %s is refused when the server is built", (_what, classes, message) => {
    expect(() => fromToolClasses(...(classes as ToolClass[]))).toThrow(message);
  });
});

describe("what is left over of the framework's configuration", () => {
  const sse = (options: object) => ({ transport: { type: "sse", options } });
  it.each<[string, object, RegExp]>([
    [
      "basePath",
      { basePath: "dist" },
      /^config\.basePath is not an option\. .*setup: fromToolClasses/,
    ],
    [
      "transports",
      { transports: [] },
      /^config\.transports .*write transport: \{ type, options \}/,
    ],
    ["auth beside the transport", { auth: {} }, /^config\.auth .*transport\.options\.auth/],
    [
      "auth in the transport",
      { transport: { type: "sse", auth: {} } },
      /^transport\.auth .*transport\.options\.auth/,
    ],
    [
      "an unknown transport",
      { transport: { type: "http" } },
      /^transport\.type is unknown\. Write "http-stream", "sse" or "stdio"/,
    ],
    [
      "auth.provider",
      sse({ auth: { provider: {} } }),
      /^transport\.options\.auth\.provider is not an option\. Write \{ type, options \}/,
    ],
    [
      "auth.endpoints",
      sse({ auth: { endpoints: {}, type: "jwt" } }),
      /^transport\.options\.auth\.endpoints .*always authenticated/,
    ],
    [
      "responseMode",
      sse({ responseMode: "batch" }),
      /^transport\.options\.responseMode .*leave it out/,
    ],
    [
      "session",
      sse({ session: {} }),
      /^transport\.options\.session .*transport\.options\.sessions/,
    ],
    ["oauth", sse({ oauth: {} }), /^transport\.options\.oauth .*type: "oauth"/],
    [
      "health",
      sse({ health: { path: "/live" } }),
      /^transport\.options\.health is an object\. Write the path/,
    ],
    [
      "cors.allowOrigin",
      sse({ cors: { allowOrigin: "*" } }),
      /^transport\.options\.cors\.allowOrigin .*allowOrigins: \["\*"\]/,
    ],
    [
      "cors.maxAge",
      sse({ cors: { maxAge: "1" } }),
      /^transport\.options\.cors\.maxAge .*Leave it out/,
    ],
    [
      "authorizationServers",
      sse({ auth: { type: "oauth", options: { authorizationServers: [] } } }),
      /authorizationServers is not an option\. Write issuerUrl/,
    ],
  ])("TOOLS-5: %s is refused with directions", (_what, config, message) => {
    expect(() => new MCPServer(config as never)).toThrow(message);
  });
});
