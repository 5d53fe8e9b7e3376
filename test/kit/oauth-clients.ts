import {
  Client as ClientV2,
  SSEClientTransport as SseOfV2,
  StreamableHTTPClientTransport as StreamableOfV2,
} from "@modelcontextprotocol/client";
import type { Transport as TransportOfV2 } from "@modelcontextprotocol/client";
import { onDispose } from "./clean-up.js";
import type { OAuthDiscoveryState } from "@modelcontextprotocol/sdk/client/auth.js";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseOfV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as StreamableOfV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as TransportOfV1 } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  OAuthClientInformationMixed,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";

/** Nobody listens there: the test reads the redirect. */
const NOBODY = "http://127.0.0.1:9/callback";

/** An `OAuthClientProvider` that knows nothing at first, and remembers everything. */
export class ClientMemory {
  readonly clientMetadata = {
    client_name: "test client",
    redirect_uris: [] as string[],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
  /** Where the user is to sign in. */
  authorizationUrl: URL | undefined;
  /** Every access token there was, the newest at the end. */
  readonly accessTokens: string[] = [];
  /** Every refresh token there was. */
  readonly refreshTokens: string[] = [];
  #client: OAuthClientInformationMixed | undefined;
  #discovery: OAuthDiscoveryState | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  /** @param redirectUrl where the browser is sent after the login. */
  constructor(readonly redirectUrl: string = NOBODY) {
    this.clientMetadata.redirect_uris.push(redirectUrl);
  }

  readonly clientInformation = (): OAuthClientInformationMixed | undefined => this.#client;
  readonly saveClientInformation = (client: OAuthClientInformationMixed): void => {
    this.#client = client;
  };
  readonly tokens = (): OAuthTokens | undefined => this.#tokens;
  readonly saveTokens = (tokens: OAuthTokens): void => {
    const { access_token, refresh_token } = tokens;
    this.#tokens = tokens;
    this.accessTokens.push(access_token);
    if (refresh_token !== undefined) this.refreshTokens.push(refresh_token);
  };
  readonly discoveryState = (): OAuthDiscoveryState | undefined => this.#discovery;
  readonly saveDiscoveryState = (state: OAuthDiscoveryState): void => {
    this.#discovery = state;
  };
  readonly redirectToAuthorization = (url: URL): void => {
    this.authorizationUrl = url;
  };
  readonly saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  readonly codeVerifier = (): string => this.#verifier;
  readonly invalidateCredentials = (what: string): void => {
    if (what === "all" || what === "tokens") this.#tokens = undefined;
    if (what === "all" || what === "client") this.#client = undefined;
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

/** A connected client of either major. */
export interface OAuthClient {
  /** Text of a tool's answer. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

/** The client of one SDK major, from a bare URL. */
export interface OAuthClientKit {
  readonly name: string;
  /** Rejects with `UnauthorizedError` when the user has to sign in first. */
  connect(url: string, memory: ClientMemory): Promise<OAuthClient>;
  /** Trades what the browser came back with for tokens. */
  finishAuth(url: string, memory: ClientMemory, callback: URLSearchParams): Promise<void>;
}

/** A transport's class, as a client with OAuth uses it. */
type TransportClass<T> = new (
  url: URL,
  options: { readonly authProvider: ClientMemory },
) => T & { finishAuth(code: string, iss?: string): Promise<void> };

function kitV1(name: string, Transport: TransportClass<TransportOfV1>): OAuthClientKit {
  return {
    name,
    connect: async (url, authProvider) => {
      const client = new ClientV1({ name: "v1", version: "1" });
      await client.connect(new Transport(new URL(url), { authProvider }));
      return wrap(client);
    },
    finishAuth: (url, authProvider, callback) =>
      new Transport(new URL(url), { authProvider }).finishAuth(callback.get("code")!),
  };
}

function kitV2(name: string, Transport: TransportClass<TransportOfV2>): OAuthClientKit {
  return {
    name,
    connect: async (url, authProvider) => {
      const client = new ClientV2({ name: "v2", version: "2" });
      await client.connect(new Transport(new URL(url), { authProvider }));
      return wrap(client);
    },
    finishAuth: (url, authProvider, callback) =>
      new Transport(new URL(url), { authProvider }).finishAuth(
        callback.get("code")!,
        callback.get("iss") ?? undefined,
      ),
  };
}

/** Clients of HTTP+SSE. */
export const oauthClientKits: readonly OAuthClientKit[] = [
  /* eslint-disable @typescript-eslint/no-deprecated -- the SDKs call all of SSE deprecated; these are the clients it is kept for */
  kitV1("client v1", SseOfV1),
  kitV2("client v2", SseOfV2),
  /* eslint-enable @typescript-eslint/no-deprecated */
];

/** Clients of Streamable HTTP. */
export const streamableOAuthClientKits: readonly OAuthClientKit[] = [
  kitV1("Streamable client v1", StreamableOfV1),
  kitV2("Streamable client v2", StreamableOfV2),
];

/** From a bare URL to a connected client: the person signs in when the client asks for it. */
export async function connectAs(
  kit: OAuthClientKit,
  url: string,
  memory: ClientMemory,
  signIn: (authorizationUrl: URL) => Promise<URLSearchParams>,
): Promise<OAuthClient> {
  await kit.connect(url, memory).then(
    () => Promise.reject(new Error("the client got in without a token")),
    (error: unknown) => {
      if ((error as Error).constructor.name !== "UnauthorizedError") throw error;
    },
  );
  const callback = await signIn(memory.authorizationUrl!);
  await kit.finishAuth(url, memory, callback);
  return await kit.connect(url, memory);
}

function wrap(client: ClientV1 | ClientV2): OAuthClient {
  return {
    call: async (name, args = {}) => {
      const { content } = await client.callTool({ name, arguments: args });
      return (content as { text: string }[])[0]!.text;
    },
    close: () => client.close(),
  };
}
