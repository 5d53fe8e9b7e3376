import {
  Client as ClientV2,
  SSEClientTransport as TransportV2,
  StreamableHTTPClientTransport as StreamableV2,
} from "@modelcontextprotocol/client";
import type {
  SSEClientTransportOptions,
  Transport as TransportInterfaceV2,
} from "@modelcontextprotocol/client";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as StreamableV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema as SamplingV1,
  LoggingMessageNotificationSchema as LoggingV1,
} from "@modelcontextprotocol/sdk/types.js";
import { onDispose } from "./clean-up.js";

/** What the application behind a client hears, and answers. */
export interface Listener {
  /** A numbered notification. */
  onNotification(text: string): void;
  /** A request of the server; returns the answer. */
  onSampling(text: string): string;
}

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly authProvider?: OAuthClientProvider;
  /** Default: Node's own. */
  readonly fetch?: typeof fetch;
  readonly listener: Listener;
}

/** A client of any SDK, connected. */
export interface FaultClient {
  /** Text of a tool's answer. */
  call(name: string, args: object, onprogress?: (progress: number) => void): Promise<string>;
  ping(): Promise<void>;
  close(): Promise<void>;
  /** What `onerror` was told. */
  readonly errors: readonly Error[];
  /** Resolves when the client knows that it is disconnected. */
  readonly closed: Promise<void>;
}

/** The client of one version of the SDK, as its users have it. */
export interface ClientKit {
  readonly name: string;
  connect(url: string, options: ConnectOptions): Promise<FaultClient>;
}

/** As much of a client as all versions have in common. */
interface AnyClient {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

/** As much as the versions of SDK v1 have in common, whose schemas are each of their own zod. */
interface AnyClientV1 extends AnyClient {
  connect(transport: unknown): Promise<void>;
  setRequestHandler(schema: unknown, handler: (request: never) => unknown): void;
  setNotificationHandler(schema: unknown, handler: (notification: never) => void): void;
  callTool(params: object, schema: undefined, options: object): Promise<unknown>;
}

export interface PartsV1 {
  readonly Client: new (info: { name: string; version: string }, options: object) => unknown;
  readonly Transport: new (url: URL, options: never) => unknown;
  readonly sampling: unknown;
  readonly logging: unknown;
}

interface SamplingRequest {
  params: { messages: { content: unknown }[] };
}

const CAPABILITIES = { capabilities: { sampling: {}, roots: {} } };

/** The client of a version of SDK v1 over one of its transports. */
export function kitV1(name: string, { Client, Transport, sampling, logging }: PartsV1): ClientKit {
  return {
    name,
    connect: async (url, { headers = {}, authProvider, fetch, listener }) => {
      const client = new Client({ name, version: "1" }, CAPABILITIES) as AnyClientV1;
      client.setRequestHandler(sampling, (request: SamplingRequest) => answer(request, listener));
      client.setNotificationHandler(logging, ({ params }: { params: { data: unknown } }) =>
        listener.onNotification(String(params.data)),
      );
      const wrapped = wrap(client, (params, options) =>
        client.callTool(params, undefined, options),
      );
      const options = { requestInit: { headers }, authProvider, fetch };
      await client.connect(new Transport(new URL(url), options as never));
      return wrapped;
    },
  };
}

/* eslint-disable @typescript-eslint/no-deprecated -- the transports under test */
export const clientV1 = kitV1("client v1", {
  Client: ClientV1,
  Transport: TransportV1,
  sampling: SamplingV1,
  logging: LoggingV1,
});

/** The client of SDK v1 over a transport of the test's. */
export const clientV1Over = (name: string, Transport: PartsV1["Transport"]): ClientKit =>
  kitV1(name, { Client: ClientV1, Transport, sampling: SamplingV1, logging: LoggingV1 });

/** How a client of SDK v2 finds out which revision its server speaks. */
type Negotiation = NonNullable<ConstructorParameters<typeof ClientV2>[1]>["versionNegotiation"];

const kitV2 = (
  name: string,
  Transport: new (url: URL, options: SSEClientTransportOptions) => TransportInterfaceV2,
  versionNegotiation?: Negotiation,
): ClientKit => ({
  name,
  connect: async (url, { headers = {}, authProvider, fetch, listener }) => {
    const options = versionNegotiation === undefined ? {} : { versionNegotiation };
    const client = new ClientV2({ name: "v2", version: "2" }, { ...CAPABILITIES, ...options });
    client.setRequestHandler("sampling/createMessage", (request) => answer(request, listener));
    client.setNotificationHandler("notifications/message", ({ params }) =>
      listener.onNotification(String(params.data)),
    );
    const wrapped = wrap(client, (params, options) => client.callTool(params, options));
    await client.connect(
      new Transport(new URL(url), {
        requestInit: { headers },
        ...(authProvider !== undefined && { authProvider: authProvider }),
        ...(fetch !== undefined && { fetch }),
      }),
    );
    return wrapped;
  },
});

export const clientV2 = kitV2("client v2", TransportV2);
export const clientV2Auto = kitV2("client v2, auto", TransportV2, { mode: "auto" });

/** Clients over Streamable HTTP. */
export const streamableV1 = clientV1Over("streamable client v1", StreamableV1);
export const streamableV2 = kitV2("streamable client v2", StreamableV2);
export const streamableV2Auto = kitV2("streamable client v2, auto", StreamableV2, { mode: "auto" });
export const streamableV2Pinned = kitV2("streamable client v2, pinned", StreamableV2, {
  mode: { pin: "2026-07-28" },
});

/** Streamable HTTP first, then HTTP+SSE at the same URL, as the SDKs recommend. */
export const withFallback = (name: string, first: ClientKit, then: ClientKit): ClientKit => ({
  name,
  connect: (url, options) => first.connect(url, options).catch(() => then.connect(url, options)),
});

/* eslint-enable @typescript-eslint/no-deprecated */

/** What a sampling handler returns: the text of the question, changed by the listener. */
function answer({ params }: SamplingRequest, listener: Listener) {
  const { text } = params.messages[0]!.content as { text: string };
  return {
    model: "test",
    role: "assistant" as const,
    content: { type: "text" as const, text: listener.onSampling(text) },
  };
}

type CallTool = (
  params: { name: string; arguments: Record<string, unknown> },
  options: { onprogress?: (progress: { progress: number }) => void },
) => Promise<unknown>;

function wrap(client: AnyClient, callTool: CallTool): FaultClient {
  const errors: Error[] = [];
  client.onerror = (error) => void errors.push(error);
  const closed = new Promise<void>((resolve) => (client.onclose = resolve));
  onDispose(() => client.close());
  return {
    errors,
    closed,
    call: async (name, args, onprogress) => {
      const result = (await callTool(
        { name, arguments: { ...args } },
        onprogress === undefined ? {} : { onprogress: ({ progress }) => onprogress(progress) },
      )) as { isError?: boolean; content: { text: string }[] };
      if (result.isError === true) throw new Error(result.content[0]!.text);
      return result.content[0]!.text;
    },
    ping: async () => {
      await client.ping();
    },
    close: () => client.close(),
  };
}
