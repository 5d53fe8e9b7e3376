import packages from "../shared/packages.cjs";

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- "expect-error" would itself be an error where the SDK is installed
/**
 * The client of SDK v1, an optional peer: where it is not installed this type is `any`.
 * @ts-ignore -- counts only on the last line of a comment */
// eslint-disable-next-line @typescript-eslint/consistent-type-imports -- the directive above needs one declaration to stand on
export type SdkClientV1 = import("@modelcontextprotocol/sdk/client/index.js").Client;

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- see above
/**
 * The client of SDK v2, an optional peer: where it is not installed this type is `any`.
 * @ts-ignore -- counts only on the last line of a comment */
// eslint-disable-next-line @typescript-eslint/consistent-type-imports -- see above
export type SdkClientV2 = import("@modelcontextprotocol/client").Client;

/** The official client that is installed: of SDK v1, and of v2 where there is no v1. */
export type SdkClient = 0 extends 1 & SdkClientV1 ? SdkClientV2 : SdkClientV1;

/** What a client of either major can be asked to do here. */
export interface ConnectableClient {
  /** Connects by a transport of the client's own major. */
  connect(transport: never): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The transports by which test clients come. */
export type TestTransport = "sse" | "streamable-http";

/** As much of the SDKs' transports as is used. */
export interface ClientTransport {
  /** Ends the session; of Streamable HTTP only. */
  terminateSession?(): Promise<void>;
}

interface TransportOptions {
  readonly requestInit: { readonly headers: Readonly<Record<string, string>> };
  readonly fetch: typeof fetch;
}

type TransportClass = new (url: URL, options: TransportOptions) => ClientTransport;

/** The parts of one major. */
interface ClientParts {
  readonly Client: new (info: { name: string; version: string }) => ConnectableClient;
  readonly SSEClientTransport: TransportClass;
  readonly StreamableHTTPClientTransport: TransportClass;
}

/** What connects a client. */
export interface ClientKit {
  /** A new client each time, or the one that was given. */
  createClient(): ConnectableClient;
  createTransport(transport: TestTransport, url: URL, options: TransportOptions): ClientTransport;
}

/**
 * The kit of the major that a client is of.
 *
 * @param client the test's own; `undefined` for one that is made here, of SDK v1 where that is installed.
 * @throws Error that says what to install.
 */
export async function findClientKit(client: ConnectableClient | undefined): Promise<ClientKit> {
  const [v1, v2] = await Promise.all([
    load(() => packages.sdk.clientV1()),
    load(() => packages.sdk.clientV2()),
  ]);
  const isV2 = v2 !== undefined && client instanceof v2.Client;
  const parts = isV2 ? v2 : (v1 ?? v2);
  if (parts === undefined) {
    throw new Error(
      "connectTestClient needs a client of the SDK: npm install @modelcontextprotocol/sdk, or @modelcontextprotocol/client.",
    );
  }
  return {
    createClient: () => client ?? new parts.Client({ name: "test-client", version: "1.0.0" }),
    createTransport(transport, url, options) {
      const { SSEClientTransport, StreamableHTTPClientTransport } = parts;
      const Transport = transport === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
      return new Transport(url, options);
    },
  };
}

async function load(modules: () => Promise<unknown>): Promise<ClientParts | undefined> {
  const loaded = (await modules()) as readonly object[] | undefined;
  // A copy of each: a module's own names are no properties of the object itself.
  return loaded && (Object.assign({}, ...loaded) as ClientParts);
}
