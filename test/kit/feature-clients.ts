import {
  Client as ClientV2,
  SSEClientTransport as SseTransportV2,
  StreamableHTTPClientTransport as StreamableTransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseTransportV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as StreamableTransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { McpServerLike } from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { createFeatureServerV1, createFeatureServerV2 } from "./feature-servers.js";
import type { Stage } from "./feature-servers.js";

/** What a call may carry. */
export interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (progress: { progress: number }) => void;
}

/** How often, and after how long, clients come back to a stream. */
export type ReconnectionOptions = NonNullable<
  ConstructorParameters<typeof StreamableTransportV1>[1]
>["reconnectionOptions"];

/** What a client does, whichever SDK it is of. */
export interface TestClient {
  readonly serverVersion: string | undefined;
  toolNames(): Promise<string[]>;
  /** Text of the tool's answer; rejects with it when the tool failed. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<string>;
  readText(uri: string): Promise<string>;
  promptText(name: string, args?: Record<string, string>): Promise<string>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  headers?: Record<string, string>;
  /** Hears of the notifications that the server sends by itself. */
  stage?: Stage;
  /** Whether it talks over Streamable HTTP. Default: over HTTP+SSE. */
  streamable?: boolean;
  /** How it comes back to a stream of Streamable HTTP. Default: as the SDK does. */
  reconnectionOptions?: NonNullable<ReconnectionOptions>;
}

/** The client of one SDK major. */
export interface ClientKit {
  readonly name: string;
  connect(url: string, options?: ConnectOptions): Promise<TestClient>;
}

/** The server of one SDK major. */
export interface ServerKit {
  readonly name: string;
  readonly version: string;
  create(stage: Stage): McpServerLike;
}

const CAPABILITIES = { capabilities: { sampling: {}, elicitation: {}, roots: {} } };

const sampled = {
  model: "test",
  role: "assistant" as const,
  content: { type: "text" as const, text: "Fine, thanks" },
};

const elicited = { action: "accept" as const, content: { colour: "green" } };

const roots = { roots: [{ uri: "file:///home", name: "home" }] };

export const clientV1: ClientKit = {
  name: "client v1",
  connect: async (url, { headers = {}, stage, streamable = false, ...more } = {}) => {
    const client = new ClientV1({ name: "v1", version: "1" }, CAPABILITIES);
    client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
    client.setRequestHandler(ElicitRequestSchema, () => elicited);
    client.setRequestHandler(ListRootsRequestSchema, () => roots);
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) =>
      stage?.tell("log", params.data),
    );
    client.setNotificationHandler(ToolListChangedNotificationSchema, () =>
      stage?.tell("tools changed"),
    );
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport under test
    const Transport = streamable ? StreamableTransportV1 : SseTransportV1;
    const transport = new Transport(new URL(url), { requestInit: { headers }, ...more });
    await client.connect(transport);
    return wrap(client, (params, options) => client.callTool(params, undefined, options));
  },
};

export const clientV2: ClientKit = {
  name: "client v2",
  connect: async (url, { headers = {}, stage, streamable = false, ...more } = {}) => {
    const client = new ClientV2({ name: "v2", version: "2" }, CAPABILITIES);
    client.setRequestHandler("sampling/createMessage", () => sampled);
    client.setRequestHandler("elicitation/create", () => elicited);
    client.setRequestHandler("roots/list", () => roots);
    client.setNotificationHandler("notifications/message", ({ params }) =>
      stage?.tell("log", params.data),
    );
    client.setNotificationHandler("notifications/tools/list_changed", () =>
      stage?.tell("tools changed"),
    );
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport under test
    const Transport = streamable ? StreamableTransportV2 : SseTransportV2;
    await client.connect(new Transport(new URL(url), { requestInit: { headers }, ...more }));
    return wrap(client, (params, options) => client.callTool(params, options));
  },
};

export const serverV1: ServerKit = {
  name: "server v1",
  version: "1.0.0",
  create: createFeatureServerV1,
};

const serverV2: ServerKit = {
  name: "server v2",
  version: "2.0.0",
  create: createFeatureServerV2,
};

/** Each client with each server. */
export const pairs = [clientV1, clientV2].flatMap((client) =>
  [serverV1, serverV2].map((server) => ({ client, server })),
);

type Call = (
  params: { name: string; arguments: Record<string, unknown> },
  options?: CallOptions,
) => Promise<unknown>;

/** What both SDKs' clients have in common is all that is left to do. */
function wrap(client: ClientV1 | ClientV2, callTool: Call): TestClient {
  onDispose(() => client.close());
  return {
    serverVersion: client.getServerVersion()?.version,
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args = {}, options) => {
      const result = (await callTool({ name, arguments: args }, options)) as {
        isError?: boolean;
        content: { text: string }[];
      };
      if (result.isError === true) throw new Error(result.content[0]!.text);
      return result.content[0]!.text;
    },
    readText: async (uri) => {
      const { contents } = await client.readResource({ uri });
      return (contents[0] as { text: string }).text;
    },
    promptText: async (name, args = {}) => {
      const { messages } = await client.getPrompt({ name, arguments: args });
      return (messages[0]!.content as { text: string }).text;
    },
    ping: async () => {
      await client.ping();
    },
    close: () => client.close(),
  };
}
