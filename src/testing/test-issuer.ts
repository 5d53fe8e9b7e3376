import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PUBLIC_KEY_ALGORITHMS } from "../../strategies/jwt/key-material.js";
import type { PublicKeyAlgorithm } from "../../strategies/jwt/key-material.js";
import { checkOptionNames, optionError } from "../shared/check.js";
import { sendJson } from "../shared/send.js";
import { sign } from "./sign-token.js";
import type { TestClaims, TestTokenOptions } from "./sign-token.js";
import { createSigningKey } from "./signing-key.js";
import type { SigningKey } from "./signing-key.js";

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /**
   * What its tokens name as their audience: what the app under test expects. Default:
   * `"https://mcp.example.test/mcp"`, a URL that leads nowhere.
   */
  readonly audience?: string;
  /** By which its keys sign. Default: `"RS256"`, as most issuers do. */
  readonly algorithm?: PublicKeyAlgorithm;
}

/** Options of `issuer.sign()`. */
export interface IssuerTokenOptions extends TestTokenOptions {
  /** The key that signs, also one that is not published any more. Default: the newest. */
  readonly kid?: string;
  /** Another algorithm that the key can do, which is not the one it is published for. Default: the key's own. */
  readonly algorithm?: PublicKeyAlgorithm;
}

/**
 * How an issuer fails: its connections are reset, as where nothing listens; it answers 503; or it takes requests and
 * answers none.
 */
export type IssuerOutage = "reset" | "unavailable" | "hang";

/** Lets callers in who have tokens of the issuer: its rules are found by discovery. */
export interface TestOAuth {
  readonly type: "oauth";
  readonly options: {
    readonly issuerUrl: string;
    readonly clientId: string;
    readonly clientSecret: string;
    readonly audience: string;
    readonly tokenValidation: "jwt";
  };
}

/** Lets callers in who have tokens of the issuer, by its keys alone. */
export interface TestJwt {
  readonly type: "jwt";
  readonly options: {
    readonly jwksUri: string;
    readonly algorithms: readonly PublicKeyAlgorithm[];
    readonly issuer: string;
    readonly audience: string;
  };
}

/** An issuer of tokens that a test has for itself. */
export interface TestIssuer extends AsyncDisposable {
  /** Its identifier, as in `iss`: a URL on loopback. */
  readonly url: string;
  /** Where its keys are. */
  readonly jwksUri: string;
  readonly audience: string;
  /** The ids of its keys, the newest last, withdrawn ones included. */
  readonly kids: readonly string[];
  /** What a router or an `MCPServer` takes for `auth`. */
  readonly auth: TestOAuth;
  /** The same, of type `"jwt"`. */
  readonly jwtAuth: TestJwt;
  /** An access token, good for five minutes and for {@link TestIssuer.audience} unless told otherwise. */
  sign(claims?: TestClaims, options?: IssuerTokenOptions): string;
  /**
   * Makes a new key, which signs from now on. The key set has the old ones still, as it has where an issuer rotates
   * in good order, unless they are withdrawn.
   *
   * @returns the new key's id.
   */
  rotateKeys(options?: { withdrawOld?: boolean }): Promise<string>;
  /** Fails in one way until {@link TestIssuer.answer}. Its port stays its own. Default: `"reset"`. */
  stopAnswering(outage?: IssuerOutage): void;
  /** Answers again. */
  answer(): void;
  /** Ends it. Forgotten, it keeps no process alive. */
  close(): Promise<void>;
}

const AUDIENCE = "https://mcp.example.test/mcp";

const OUTAGES: readonly IssuerOutage[] = ["reset", "unavailable", "hang"];

/**
 * Starts an issuer on a free port of loopback, with keys made for it: discovery documents (RFC 8414 and OpenID
 * Connect) and a key set over real HTTP. Rotation and outages are switches.
 *
 * For tests only: whoever runs it can sign as anybody.
 *
 * @example
 * ```ts
 * await using issuer = await createTestIssuer();
 * const router = createMcpRouter({ auth: issuer.auth, createServer: () => mcp });
 * await using client = await connectTestClient(router, {
 *   bearer: issuer.sign({ sub: "ada", scope: "notes:read" }),
 * });
 * ```
 *
 * @throws TypeError for a wrong option, saying what to write instead.
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { audience = AUDIENCE, algorithm = "RS256" } = options;
  checkOptionNames("options", options, ["audience", "algorithm"]);
  if (!PUBLIC_KEY_ALGORITHMS.includes(algorithm)) {
    const known = PUBLIC_KEY_ALGORITHMS.join(", ");
    throw optionError("options.algorithm", "is unknown", `Write one of ${known}.`);
  }
  const issuer = new LoopbackIssuer(audience, algorithm);
  await Promise.all([issuer.rotateKeys(), issuer.listen()]);
  return issuer;
}

class LoopbackIssuer implements TestIssuer {
  readonly audience: string;
  readonly #algorithm: PublicKeyAlgorithm;
  readonly #server: Server;
  /** Of this server as the issuer's client; it is never asked for. */
  readonly #clientSecret = randomBytes(16).toString("hex");
  readonly #keys: SigningKey[] = [];
  #published: readonly SigningKey[] = [];
  #outage: IssuerOutage | undefined;
  #closing: Promise<void> | undefined;
  url = "";

  constructor(audience: string, algorithm: PublicKeyAlgorithm) {
    this.audience = audience;
    this.#algorithm = algorithm;
    this.#server = createServer((req, res) => this.#serve(req, res));
    this.#server.on("connection", (socket: Socket) => {
      socket.unref();
      if (this.#outage === "reset") socket.resetAndDestroy();
    });
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    this.#server.unref();
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get jwksUri(): string {
    return `${this.url}/jwks`;
  }

  get kids(): readonly string[] {
    return this.#keys.map(({ kid }) => kid);
  }

  get auth(): TestOAuth {
    const client = { clientId: "test-resource-server", clientSecret: this.#clientSecret };
    // There is nothing to introspect: all its tokens are JWTs.
    const options = { ...client, audience: this.audience, tokenValidation: "jwt" } as const;
    return { type: "oauth", options: { issuerUrl: this.url, ...options } };
  }

  get jwtAuth(): TestJwt {
    const expected = { issuer: this.url, audience: this.audience };
    const options = { jwksUri: this.jwksUri, algorithms: [this.#algorithm], ...expected };
    return { type: "jwt", options };
  }

  sign(claims: TestClaims = {}, options: IssuerTokenOptions = {}): string {
    const { kid, algorithm, header, ...rest } = options;
    const key = this.#keys.findLast((one) => one.kid === (kid ?? one.kid));
    if (key === undefined) {
      throw optionError("options.kid", "is no key of this issuer", `It has ${this.kids.join()}.`);
    }
    return sign(
      key.privateKey,
      algorithm ?? key.algorithm,
      { iss: this.url, ...claims },
      { audience: this.audience, ...rest, header: { kid: key.kid, typ: "at+jwt", ...header } },
    );
  }

  async rotateKeys({ withdrawOld = false }: { withdrawOld?: boolean } = {}): Promise<string> {
    const kid = `key-${randomBytes(4).toString("hex")}`;
    const key = await createSigningKey(kid, this.#algorithm);
    this.#keys.push(key);
    this.#published = withdrawOld ? [key] : [...this.#published, key];
    return kid;
  }

  stopAnswering(outage: IssuerOutage = "reset"): void {
    if (!OUTAGES.includes(outage)) {
      throw optionError("outage", "is unknown", `Write one of ${OUTAGES.join(", ")}.`);
    }
    this.#outage = outage;
    // A connection that is kept open for the next request would be answered still.
    this.#server.closeAllConnections();
  }

  answer(): void {
    this.#outage = undefined;
    // Those that were held will not be answered any more.
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #serve({ url }: IncomingMessage, res: ServerResponse): void {
    if (this.#outage === "hang") return;
    const document = this.#documents().get(url ?? "");
    if (this.#outage !== undefined) res.writeHead(503).end();
    else if (document === undefined) res.writeHead(404).end();
    else sendJson(res, 200, document);
  }

  /** By their path. @see RFC 8414, section 3; OpenID Connect Discovery 1.0, section 4; RFC 7517, section 5 */
  #documents(): ReadonlyMap<string, object> {
    const metadata = {
      issuer: this.url,
      jwks_uri: this.jwksUri,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [this.#algorithm],
      code_challenge_methods_supported: ["S256"],
    };
    return new Map<string, object>([
      ["/.well-known/oauth-authorization-server", metadata],
      ["/.well-known/openid-configuration", metadata],
      ["/jwks", { keys: this.#published.map(({ jwk }) => jwk) }],
    ]);
  }
}
