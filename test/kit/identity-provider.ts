import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { onDispose } from "./clean-up.js";
import { rsaKeyPair } from "./key-pairs.js";

/** What our server is registered with. */
export const OUR_CLIENT = { id: "our-server", secret: "provider-secret-0123456789" } as const;

/** Options of a {@link TestProvider}. */
export interface TestProviderOptions {
  /** Seconds that its access tokens count. Default: 3600. */
  readonly accessTokenSeconds?: number;
  /** Whether it gives refresh tokens. Default: true. */
  readonly refreshTokens?: boolean;
  /** How our server has to prove who it is. Default: `"client_secret_basic"`. */
  readonly clientAuth?: "client_secret_basic" | "client_secret_post";
}

/**
 * A company's identity provider: knows our server as its one client, and lets nobody register.
 * Everybody may sign in with any password.
 */
export class TestProvider {
  /** Every request for tokens that it got: the grant types. */
  readonly tokenRequests: string[] = [];
  /** What it does instead of answering; by the beginning of the path. */
  readonly faults = new Map<string, (req: IncomingMessage, res: ServerResponse) => void>();

  private constructor(
    readonly issuer: string,
    /** The engine, for tests that look inside. */
    readonly provider: Provider,
  ) {}

  static async start(
    callbackUrl: string,
    options: TestProviderOptions = {},
  ): Promise<TestProvider> {
    let listener: RequestListener = (_req, res) => void res.writeHead(503).end();
    const server = createServer((req, res) => listener(req, res));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onDispose(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = quietly(() => createProvider(issuer, callbackUrl, options));
    const test = new TestProvider(issuer, provider);
    const callback = provider.callback();
    listener = (req, res) => {
      for (const [path, fault] of test.faults) {
        if (req.url?.startsWith(path)) {
          fault(req, res);
          return;
        }
      }
      if (req.url?.startsWith("/token")) test.tokenRequests.push(req.url);
      void callback(req, res);
    };
    return test;
  }
}

/** Making one takes a while; all providers of a file share it. */
export const { privateKey } = rsaKeyPair();

/** The engine tells whoever runs it what is for development only; in a test all of that is meant. */
function quietly<T>(make: () => T): T {
  const spies = (["warn", "info"] as const).map((level) =>
    jest.spyOn(console, level).mockImplementation(() => undefined),
  );
  try {
    return make();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

function createProvider(
  issuer: string,
  callbackUrl: string,
  {
    accessTokenSeconds = 3600,
    refreshTokens = true,
    clientAuth = "client_secret_basic",
  }: TestProviderOptions,
): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: OUR_CLIENT.id,
        client_secret: OUR_CLIENT.secret,
        token_endpoint_auth_method: clientAuth,
        redirect_uris: [callbackUrl],
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig" }] },
    cookies: {
      keys: ["provider-cookie-key"],
      names: { session: "idp_session", interaction: "idp_interaction", resume: "idp_resume" },
    },
    claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
    conformIdTokenClaims: false,
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} of Example`, email: `${id}@example.com` }),
    }),
    features: { registration: { enabled: false }, userinfo: { enabled: true } },
    issueRefreshToken: () => refreshTokens,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenSeconds,
      Grant: 90 * 24 * 3600,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 90 * 24 * 3600,
      Session: 90 * 24 * 3600,
    },
  });
}
