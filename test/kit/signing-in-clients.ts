/* eslint-disable @typescript-eslint/no-deprecated -- the SDKs call all of SSE deprecated; this package carries it on */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client as ClientV2, SSEClientTransport as SseV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { onDispose } from "./clean-up.js";

/** Tokens as an SDK client keeps them. */
export interface KeptTokens {
  access_token: string;
  refresh_token?: string;
}

/** What an application gives to an SDK client: it keeps what the flow needs, and opens a browser. */
export class ClientStore {
  client: { client_id: string } | undefined;
  tokensNow: KeptTokens | undefined;
  verifier = "";
  discovery: unknown;
  /** Where the person is to be sent. */
  authorizationUrl: URL | undefined;

  constructor(readonly redirectUrl: string) {}

  readonly clientMetadata = {
    client_name: "SDK client",
    redirect_uris: [] as string[],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };

  state = (): string => "state-of-the-client";
  clientInformation = () => this.client;
  saveClientInformation = (client: { client_id: string }): void => void (this.client = client);
  tokens = () => this.tokensNow;
  saveTokens = (tokens: KeptTokens): void => void (this.tokensNow = tokens);
  redirectToAuthorization = (url: URL): void => void (this.authorizationUrl = url);
  saveCodeVerifier = (verifier: string): void => void (this.verifier = verifier);
  codeVerifier = (): string => this.verifier;
  saveDiscoveryState = (state: unknown): void => void (this.discovery = state);
  discoveryState = (): unknown => this.discovery;
  invalidateCredentials = (what: string): void => {
    if (what === "all" || what === "tokens") this.tokensNow = undefined;
    if (what === "all" || what === "client") this.client = undefined;
  };
}

/** The little web server with which a program on a computer waits for its answer. */
export async function waitForCallback(): Promise<{
  redirectUrl: string;
  answer: Promise<URLSearchParams>;
}> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onDispose(() => {
    server.closeAllConnections();
    server.close();
  });
  const answer = new Promise<URLSearchParams>((resolve) => {
    server.on("request", (req, res) => {
      res
        .writeHead(200, { "content-type": "text/html" })
        .end("<title>done</title>You may close this.");
      const { pathname, searchParams } = new URL(req.url ?? "/", "http://client.invalid");
      if (pathname === "/callback") resolve(searchParams);
    });
  });
  const redirectUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
  return { redirectUrl, answer };
}

/** What the tests do with an SDK client, whatever its major. */
export interface SdkConnection {
  /** Connects; rejects when the person has to sign in first, after `authorizationUrl` was set. */
  connect(): Promise<void>;
  /** Takes the query with which the person came back. */
  finishAuth(answer: URLSearchParams): Promise<void>;
  call(tool: string): Promise<string>;
}

/** The one text that a tool answers. */
function textOf(result: object): string {
  return (result as { content: [{ text: string }] }).content[0].text;
}

/** An SDK client, made anew for each connection. */
function connectionOf(
  createClient: () => ClientV1 | ClientV2,
  createTransport: () => SseV1 | SseV2,
): SdkConnection {
  let client = createClient();
  let transport = createTransport();
  onDispose(() => client.close());
  return {
    connect: async () => {
      client = createClient();
      transport = createTransport();
      await client.connect(transport);
    },
    finishAuth: (answer) => finish(transport, answer),
    call: async (name) => textOf(await client.callTool({ name })),
  };
}

/** Version 2 checks `iss` itself, and wants the whole answer; version 1 takes the code. */
async function finish(transport: SseV1 | SseV2, answer: URLSearchParams): Promise<void> {
  if (transport instanceof SseV2) await transport.finishAuth(answer);
  else await transport.finishAuth(answer.get("code") ?? "");
}

/** Both majors. */
export const SDKS = [
  {
    sdk: "SDK v1",
    connection: (url: string, store: ClientStore): SdkConnection =>
      connectionOf(
        () => new ClientV1({ name: "v1", version: "1.0.0" }),
        () => new SseV1(new URL(url), { authProvider: store as never }),
      ),
  },
  {
    sdk: "SDK v2",
    connection: (url: string, store: ClientStore): SdkConnection =>
      connectionOf(
        () => new ClientV2({ name: "v2", version: "1.0.0" }),
        () => new SseV2(new URL(url), { authProvider: store as never }),
      ),
  },
] as const;
