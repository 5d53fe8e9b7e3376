import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { rsaKeyPair } from "./key-pairs.js";
import { passProvider, Person } from "./person.js";

/** What oidc-provider stores. */
interface Payload {
  readonly uid?: string;
  readonly grantId?: string;
  consumed?: number;
}

/** As much of an adapter as its tokens, grants, sessions and clients need. */
interface Adapter {
  upsert(id: string, payload: Payload): Promise<void>;
  find(id: string): Promise<Payload | undefined>;
  findByUid(uid: string): Promise<Payload | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** A factory of adapters that share one memory, so that it outlives a provider. */
function createOidcStorage(): (model: string) => Adapter {
  const stored = new Map<string, Payload>();
  return (model) => {
    const key = (id: string): string => `${model}:${id}`;
    return {
      upsert: async (id, payload) => void stored.set(key(id), payload),
      find: async (id) => stored.get(key(id)),
      findByUid: async (uid) =>
        [...stored].find(([name, each]) => name.startsWith(key("")) && each.uid === uid)?.[1],
      consume: async (id) => {
        const payload = stored.get(key(id));
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void stored.delete(key(id)),
      revokeByGrantId: async (grantId) => {
        for (const [name, each] of stored) if (each.grantId === grantId) stored.delete(name);
      },
    };
  };
}

export interface OidcIssuerOptions {
  /** What access tokens are. Default: `"jwt"`. */
  readonly format?: "jwt" | "opaque";
  /** The `aud` of access tokens. Default: the resource that the client names. */
  readonly audience?: string;
  /** Scopes that clients may ask for. Default: `mcp:read` and `mcp:write`. */
  readonly scopes?: readonly string[];
  /** Seconds that an access token lives. Default: 300. */
  readonly accessTokenSeconds?: number;
  /** Seconds by which the issuer's clock is ahead of everybody else's. Default: 0. */
  readonly clockAheadSeconds?: number;
}

/** What a JWT is made of, where oidc-provider lets it be changed. */
interface JwtParts {
  payload: { iat: number; exp: number; nbf?: number };
}

/**
 * A real authorization server on a free port: oidc-provider with dynamic registration, PKCE,
 * resource indicators, introspection and refresh tokens. Ends with {@link OidcIssuer.stop}.
 */
export class OidcIssuer {
  /** The client that may introspect: the resource server. */
  readonly clientId = "resource-server";
  readonly clientSecret = `secret-${randomUUID()}`;
  /** Method and path of every request, in their order. */
  readonly requests: string[] = [];
  readonly #options: OidcIssuerOptions;
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #cookieKey = randomUUID();
  readonly #storage = createOidcStorage();
  readonly #server: Server;
  #answer: RequestListener = (_req, res) => res.writeHead(503).end();

  private constructor(options: OidcIssuerOptions) {
    this.#options = options;
    this.#server = createServer((req, res) => {
      this.requests.push(`${req.method ?? ""} ${req.url?.split("?")[0] ?? ""}`);
      this.#events.emit("request");
      this.#answer(req, res);
    });
  }

  static async start(options: OidcIssuerOptions = {}): Promise<OidcIssuer> {
    const issuer = new OidcIssuer(options);
    await once(issuer.#server.listen(0, "127.0.0.1"), "listening");
    await issuer.rotateKeys();
    return issuer;
  }

  /** The issuer's identifier. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Signs with a new key from now on, and publishes no other. Tokens, grants and clients stay. */
  async rotateKeys(): Promise<void> {
    const { privateKey } = rsaKeyPair();
    const key = { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig" };
    // oidc-provider tells whoever runs it that its own login pages are no production set-up.
    const warn = console.warn;
    console.warn = () => undefined;
    try {
      const { default: Provider } = await import("oidc-provider");
      // A new one with another key goes on where the one before stopped: they share the storage.
      const callback = new Provider(this.url, this.#configuration(key)).callback();
      this.#answer = (req, res) => void callback(req, res);
    } finally {
      console.warn = warn;
    }
  }

  /**
   * A person who signs in with a browser, and consents.
   *
   * @returns the parameters with which the browser comes back to the client.
   */
  async login(authorizationUrl: URL, user: string): Promise<URLSearchParams> {
    const person = new Person([this.url]);
    const page = await passProvider(person, await person.visit(authorizationUrl.href), user);
    return new URL(page.url).searchParams;
  }

  /** How many requests with this method and path have come. */
  count(request: string): number {
    return this.requests.filter((each) => each === request).length;
  }

  /** Resolves once this many requests with this method and path have come. */
  async received(request: string, count: number): Promise<void> {
    while (this.count(request) < count) await once(this.#events, "request");
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #configuration(key: object): object {
    const { scopes = ["mcp:read", "mcp:write"] } = this.#options;
    return {
      adapter: this.#storage,
      jwks: { keys: [key] },
      cookies: { keys: [this.#cookieKey] },
      scopes: ["openid", "offline_access", ...scopes],
      pkce: { required: () => true },
      clients: [
        {
          client_id: this.clientId,
          client_secret: this.clientSecret,
          redirect_uris: [],
          grant_types: [],
          response_types: [],
        },
      ],
      issueRefreshToken: (_context: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
        client.grantTypeAllowed("refresh_token"),
      findAccount: (_context: unknown, accountId: string) => ({
        accountId,
        claims: () => ({ sub: accountId }),
      }),
      formats: { customizers: { jwt: this.#setClock } },
      features: {
        registration: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        devInteractions: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          useGrantedResource: () => true,
          getResourceServerInfo: (_context: unknown, resource: string) =>
            this.#resourceServer(resource, scopes),
        },
      },
      ttl: {
        AccessToken: () => this.#options.accessTokenSeconds ?? 300,
        ...{ Interaction: 60, Session: 600, Grant: 600, RefreshToken: 600, IdToken: 60 },
      },
    };
  }

  #resourceServer(resource: string, scopes: readonly string[]): object {
    const { format = "jwt", audience = resource } = this.#options;
    return {
      audience,
      scope: scopes.join(" "),
      accessTokenFormat: format,
      jwt: { sign: { alg: "RS256" } },
    };
  }

  readonly #setClock = (_context: unknown, _token: unknown, { payload }: JwtParts): void => {
    const ahead = this.#options.clockAheadSeconds ?? 0;
    payload.nbf = payload.iat + ahead;
    payload.iat += ahead;
    payload.exp += ahead;
  };
}
