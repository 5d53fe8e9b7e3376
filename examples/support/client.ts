import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

type RequestHeaders = Readonly<Record<string, string>>;

/** The official SDK client (v1), connected; `headers` go with the stream and with each message. */
export async function connect(url: string, headers: RequestHeaders = {}): Promise<Client> {
  const client = new Client({ name: "example-client", version: "1.0.0" });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
  const transport = new SSEClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return client;
}

/** The same over Streamable HTTP. */
export async function connectStreamable(
  url: string,
  headers: RequestHeaders = {},
): Promise<Client> {
  const client = new Client({ name: "example-client", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return client;
}

/** What a tool answers, as text. */
export async function callTool(client: Client, name: string): Promise<string> {
  const { content } = await client.callTool({ name });
  const [first] = content as { text?: string }[];
  return first?.text ?? "";
}

/** What a client with these headers is told by the tool `whoami`; it connects, asks, and leaves. */
export async function whoami(
  url: string,
  headers: RequestHeaders = {},
  connectTo = connect,
): Promise<string> {
  const client = await connectTo(url, headers);
  try {
    return await callTool(client, "whoami");
  } finally {
    await client.close();
  }
}

/** The status of a GET. The body of a refusal is read to its end; a stream has none, and is left. */
export async function statusOf(url: string, headers: RequestHeaders = {}): Promise<number> {
  const response = await fetch(url, { headers });
  if (response.ok) await response.body?.cancel();
  else await response.text();
  return response.status;
}

/** The header that carries a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
