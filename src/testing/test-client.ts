import { checkOptionNames, checkText, optionError } from "../shared/check.js";
import { host } from "./hosting.js";
import type { Lease, TestTarget } from "./hosting.js";
import { NotingFetch, TestClientError } from "./refusal.js";
import { findClientKit } from "./sdk-client.js";
import type {
  ClientKit,
  ClientTransport,
  ConnectableClient,
  SdkClient,
  TestTransport,
} from "./sdk-client.js";

/** What a caller shows. Nothing of it: a stranger. */
export interface TestCredential {
  /** A token, for `Authorization: Bearer`. Default: none. */
  readonly bearer?: string;
  /** An API key, for `X-API-Key`; in another header, write `headers`. Default: none. */
  readonly apiKey?: string;
  /** Further headers of every request. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where test clients find an endpoint, and how they talk to it. */
export interface TestEndpoint {
  /**
   * The transport. Default: Streamable HTTP, and HTTP+SSE where the endpoint does not have it, as official clients
   * do.
   */
  readonly transport?: TestTransport;
  /**
   * Path of the endpoint, with a query if it needs one. Default: `"/mcp"`, and `"/mcp/sse"` for HTTP+SSE; of an
   * `MCPServer` its own.
   */
  readonly path?: string;
}

/** Options of {@link connectTestClient}. */
export interface TestClientOptions<C extends ConnectableClient = SdkClient>
  extends TestCredential, TestEndpoint {
  /**
   * A client of your own, of either major of the SDK, that is not connected: with capabilities, handlers, or the
   * negotiation of a revision. Default: a new one of the SDK that is installed, of v1 where both are.
   */
  readonly client?: C;
}

/** A client that is connected. `close()`, or the end of an `await using`, ends it with all that was opened for it. */
export type ConnectedTestClient<C> = C & AsyncDisposable;

/** A client, and what is known of its requests. */
export interface Connection<C = ConnectableClient> {
  readonly client: ConnectedTestClient<C>;
  readonly noting: NotingFetch;
}

const OPTIONS = ["bearer", "apiKey", "headers", "transport", "path", "client"];

const TRANSPORTS: readonly unknown[] = ["sse", "streamable-http", undefined];

/**
 * Connects the official client of MCP to an app, on a free port of loopback that nobody has to choose. What listens
 * already, or is started, is used as it is; two clients of one target share its port.
 *
 * @example
 * ```ts
 * await using client = await connectTestClient(router, { apiKey: "a-key-of-this-test" });
 * const { content } = await client.callTool({ name: "whoami" });
 * ```
 *
 * @param target the Express app (any request listener), the router, the `MCPServer`, or a server of `node:http`.
 * @throws {@link TestClientError} that says what the endpoint answered; TypeError for a wrong option or target;
 * whatever the target fails with as it starts.
 */
export async function connectTestClient<C extends ConnectableClient = SdkClient>(
  target: TestTarget,
  options: TestClientOptions<C> = {},
): Promise<ConnectedTestClient<C>> {
  return (await openConnection(target, options)).client;
}

/** The same, with what is noted of its requests. */
export async function openConnection<C extends ConnectableClient = SdkClient>(
  target: TestTarget,
  options: TestClientOptions<C>,
): Promise<Connection<C>> {
  checkOptions(options);
  const kit = await findClientKit(options.client);
  const lease = await host(target);
  try {
    return (await connectByAnyTransport(kit, lease, options)) as Connection<C>;
  } catch (error) {
    await lease.end();
    throw error;
  }
}

function checkOptions(options: TestClientOptions<ConnectableClient>): void {
  checkOptionNames("options", options, OPTIONS);
  const { transport, path } = options;
  if (!TRANSPORTS.includes(transport)) {
    throw optionError("options.transport", "is unknown", 'Write "sse" or "streamable-http".');
  }
  if (path !== undefined && !checkText("options.path", path).startsWith("/")) {
    throw optionError("options.path", "does not begin with a slash", 'Write it as in "/mcp".');
  }
  checkHeaders(options);
}

/** What `fetch` would refuse in an error that has the credential in it. @see RFC 9110, section 5.5 */
function checkHeaders({ bearer, apiKey, headers = {} }: TestCredential): void {
  const named = Object.entries(headers).map(([name, value]) => [`headers.${name}`, value] as const);
  for (const [option, value] of [["bearer", bearer], ["apiKey", apiKey], ...named] as const) {
    if (value === undefined || (typeof value === "string" && /^[\t -~\x80-\xff]*$/.test(value)))
      continue;
    const instead = "Is it a text of one line?";
    throw optionError(`options.${option}`, "cannot be sent in a header", instead);
  }
}

/**
 * Statuses by which an endpoint says that it has no Streamable HTTP. 400, by which others may say so, is what a test
 * has to see. @see MCP 2025-11-25, Backwards Compatibility
 */
const NOT_STREAMABLE: readonly unknown[] = [404, 405];

async function connectByAnyTransport(
  kit: ClientKit,
  lease: Lease,
  options: TestClientOptions<ConnectableClient>,
): Promise<Connection> {
  const { transport } = options;
  if (transport !== undefined) return await connectBy(transport, kit, lease, options);
  try {
    return await connectBy("streamable-http", kit, lease, options);
  } catch (error) {
    if (!(error instanceof TestClientError && NOT_STREAMABLE.includes(error.status))) throw error;
    return await connectBy("sse", kit, lease, options);
  }
}

async function connectBy(
  transport: TestTransport,
  kit: ClientKit,
  lease: Lease,
  options: TestClientOptions<ConnectableClient>,
): Promise<Connection> {
  const url = new URL(options.path ?? lease.paths[transport], lease.origin);
  const noting = new NotingFetch();
  const client = kit.createClient();
  const requestInit = { headers: headersOf(options) };
  const channel = kit.createTransport(transport, url, { requestInit, fetch: noting.fetch });
  try {
    await client.connect(channel as never);
  } catch (error) {
    await client.close();
    throw describe(error, url, noting);
  }
  return { client: closingAll(client, channel, noting, lease), noting };
}

function headersOf({ bearer, apiKey, headers }: TestCredential): Readonly<Record<string, string>> {
  return {
    ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    ...(apiKey !== undefined && { "X-API-Key": apiKey }),
    ...headers,
  };
}

/** What an endpoint answered, for whoever reads the failure of a test; no credential is in it. */
function describe(error: unknown, { pathname }: URL, { refusal }: NotingFetch): TestClientError {
  const { message } = error as Error;
  if (refusal === undefined) {
    const reason = `The test client did not connect at ${pathname}: ${message}`;
    return new TestClientError(reason, { status: undefined, reason: message }, error);
  }
  const { status, reason } = refusal;
  const said = [status, reason].filter((part) => part !== "").join(" ");
  const hint = status === 404 ? " Is the endpoint at another path? Write it in options.path." : "";
  const text = `The test client was refused at ${pathname}: ${said}${hint}`;
  return new TestClientError(text, refusal, error);
}

/** Makes the end of a client the end of its session, too, and of what was opened for it. */
function closingAll(
  client: ConnectableClient,
  transport: ClientTransport,
  noting: NotingFetch,
  lease: Lease,
): ConnectedTestClient<ConnectableClient> {
  const closeClient = client.close.bind(client);
  const closeAll = async (): Promise<void> => {
    // It may be over already, and its server away.
    await transport.terminateSession?.().catch(() => undefined);
    await closeClient();
    if (noting.sessionId !== undefined) lease.endSession?.(noting.sessionId);
    await lease.end();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll());
  return Object.assign(client, { close, [Symbol.asyncDispose]: close });
}
