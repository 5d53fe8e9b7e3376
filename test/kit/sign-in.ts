import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import type { Express } from "express";
import { createSseRouter, principalOf } from "../../src/index.js";
import type { createMcpRouter } from "../../src/index.js";
import type {
  OAuthOptions,
  PassportStrategy,
  SessionInfo,
  SignInOptions,
  SseRouter,
} from "../../src/index.js";
import { onDispose } from "./clean-up.js";
import { OUR_CLIENT, TestProvider } from "./identity-provider.js";
import type { TestProviderOptions } from "./identity-provider.js";
import { recordingLogger } from "./leak-watch.js";
import { passProvider, Person } from "./person.js";

/** Where the test's MCP client waits for its answer; nothing listens there. */
export const REDIRECT_URI = "http://127.0.0.1:1/callback";

/** A client's address on the web: approvals of such clients are remembered. */
export const WEB_REDIRECT_URI = "https://client.example/callback";

/** What a test asks for; everything has a default. */
export interface ServeSignInOptions {
  readonly signIn?: SignInOptions;
  /** Other options of `oauth`. */
  readonly oauth?: Partial<OAuthOptions>;
  readonly provider?: TestProviderOptions;
  /** What the application has in front of the router. */
  readonly before?: (app: Express) => void;
  /** Path of the mount. Default: `"/mcp"`. */
  readonly base?: string;
  /** Makes the router. Default: `createSseRouter`. */
  readonly createRouter?: typeof createSseRouter | typeof createMcpRouter;
}

/** A server of ours with sign-in, and the provider behind it. */
export interface SignInSetup {
  readonly issuer: string;
  readonly origin: string;
  readonly resource: string;
  readonly provider: TestProvider;
  readonly router: SseRouter;
  readonly lines: readonly string[];
  /** Serves the same again, as after a restart. */
  restart(options?: ServeSignInOptions): void;
  /** A person with a browser of their own. */
  person(): Person;
}

/** Starts both. The address is known before the app is made, as an operator knows it. */
export async function serveSignIn(options: ServeSignInOptions = {}): Promise<SignInSetup> {
  let listener: RequestListener = (_req, res) => void res.writeHead(503).end();
  const server = createServer((req, res) => listener(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onDispose(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { base = "/mcp" } = options;
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = `${origin}${base}`;
  const provider = await TestProvider.start(`${issuer}/oauth/callback`, options.provider);
  const logger = recordingLogger();
  let router: SseRouter;
  const start = (given: ServeSignInOptions): void => {
    const { createRouter = createSseRouter } = given;
    router = createRouter({
      publicUrl: issuer,
      logger,
      auth: {
        type: "oauth",
        options: {
          issuerUrl: provider.issuer,
          clientId: OUR_CLIENT.id,
          clientSecret: OUR_CLIENT.secret,
          scopes: ["mcp:read"],
          ...given.oauth,
          signIn: given.signIn ?? true,
        },
      },
      createServer: createToolServer,
    });
    const current = router;
    onDispose(() => current.close({ timeoutMs: 0 }));
    const app = express();
    given.before?.(app);
    app.use(router.wellKnown);
    app.use(base === "" ? "/" : base, router);
    listener = app;
  };
  start(options);
  return {
    issuer,
    origin,
    resource: `${issuer}/sse`,
    provider,
    get router() {
      return router;
    },
    lines: logger.lines,
    restart: (given = options) => start(given),
    person: () => new Person([origin, provider.issuer]),
  };
}

/** `whoami`, and `upstream`, which tells the provider's token. */
export function createToolServer(session: SessionInfo): McpServer {
  const server = new McpServer({ name: "sign-in", version: "1.0.0" });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("whoami", {}, (extra) => text(JSON.stringify(principalOf(extra) ?? null)));
  server.registerTool("upstream", {}, async () => {
    const token = await session.upstream();
    return text(JSON.stringify({ ...token, accessToken: token.accessToken }));
  });
  return server;
}

/** A client that registered itself. */
export interface RegisteredClient {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly [name: string]: unknown;
}

/** Registers a client, as the SDKs do. */
export async function register(
  issuer: string,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<RegisteredClient> {
  const response = await fetch(`${issuer}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Test Client",
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      ...metadata,
    }),
  });
  const body = (await response.json()) as RegisteredClient;
  if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return body;
}

/** One authorization request of a client. */
export class AuthorizationRequest {
  readonly verifier = randomBytes(32).toString("base64url");
  readonly state = randomBytes(8).toString("hex");
  readonly parameters: URLSearchParams;

  constructor(
    readonly issuer: string,
    readonly clientId: string,
    overrides: Readonly<Record<string, string | undefined>> = {},
  ) {
    this.parameters = new URLSearchParams({
      response_type: "code",
      client_id: clientId,
      redirect_uri: REDIRECT_URI,
      state: this.state,
      resource: `${issuer}/sse`,
      code_challenge: createHash("sha256").update(this.verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    for (const [name, value] of Object.entries(overrides)) {
      if (value === undefined) this.parameters.delete(name);
      else this.parameters.set(name, value);
    }
  }

  get url(): string {
    return `${this.issuer}/oauth/authorize?${this.parameters.toString()}`;
  }

  /** Redeems a code; the answer is not judged. */
  async redeem(
    code: string,
    overrides: Readonly<Record<string, string>> = {},
  ): Promise<TokenAnswer> {
    return await tokenRequest(this.issuer, {
      grant_type: "authorization_code",
      client_id: this.clientId,
      redirect_uri: this.parameters.get("redirect_uri") ?? "",
      code,
      code_verifier: this.verifier,
      ...overrides,
    });
  }
}

/** What the token endpoint answers. */
export interface TokenAnswer {
  readonly status: number;
  readonly error?: string;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly scope: string;
}

export async function tokenRequest(
  issuer: string,
  parameters: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const response = await fetch(`${issuer}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams(parameters),
  });
  return { status: response.status, ...((await response.json()) as Omit<TokenAnswer, "status">) };
}

/** Signs in and approves; returns the query with which the client gets its answer. */
export async function signInAndApprove(
  person: Person,
  request: AuthorizationRequest,
  login = "alice",
): Promise<URLSearchParams> {
  const consent = await passProvider(person, await person.visit(request.url), login);
  const answer = await person.submit(consent, { decision: "approve" });
  return new URL(answer.url).searchParams;
}

/** Everything from registration to tokens. */
export async function obtainTokens(
  { issuer }: Pick<SignInSetup, "issuer">,
  person: Person,
  login = "alice",
): Promise<{ client: RegisteredClient; request: AuthorizationRequest; tokens: TokenAnswer }> {
  const client = await register(issuer);
  const request = new AuthorizationRequest(issuer, client.client_id);
  const answer = await signInAndApprove(person, request, login);
  const tokens = await request.redeem(answer.get("code") ?? "");
  return { client, request, tokens };
}

/** What Passport gives a strategy to answer with. */
export interface StrategyActions {
  success(user: unknown): void;
  fail(info?: unknown): void;
  redirect(url: string): void;
}

/** What a strategy reads. */
export interface StrategyRequest {
  query: Record<string, string | undefined>;
  body: Record<string, string | undefined>;
  session: { state?: string };
  method: string;
}

/** `signIn` with a strategy of a few lines, as an application has it. */
export function signInPassport(
  authenticate: (this: StrategyActions, req: StrategyRequest) => void,
): SignInOptions {
  const strategy: PassportStrategy = { name: "own", authenticate };
  return { strategy, principal: (user) => user as { id: string } };
}
