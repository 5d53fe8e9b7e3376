import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import type { CryptoKey, JWK } from "jose";
import { lastingPort } from "./listen.js";

/** Where a metadata document can stand. */
export type WellKnownForm = "rfc8414-insert" | "oidc-insert" | "oidc-append";

/** Everything the issuer answers. */
export type IssuerRoute = WellKnownForm | "jwks" | "introspection";

/** What a route does instead of answering. */
export type Fault = (res: ServerResponse) => void;

/** Ready-made faults. */
export const faults = {
  status:
    (status: number, headers: Record<string, string> = {}): Fault =>
    (res) =>
      res.writeHead(status, headers).end("{}"),
  redirect: (to: string): Fault => faults.status(302, { location: to }),
  body:
    (content: string): Fault =>
    (res) =>
      res.writeHead(200, { "content-type": "application/json" }).end(content),
  invalidJson: (): Fault => faults.body("<html>Down for maintenance</html>"),
  /** Sends for as long as the client reads. */
  endless: (): Fault => (res) => {
    const chunk = Buffer.alloc(16_384, " ");
    const endless = Readable.from(
      (function* () {
        for (;;) yield chunk;
      })(),
    );
    res.on("close", () => endless.destroy());
    endless.pipe(res.writeHead(200, { "content-type": "application/json" }));
  },
  /** Takes the request and never answers. */
  hang: (): Fault => () => undefined,
  /** Begins an answer and never ends it. */
  stall: (): Fault => (res) => void res.writeHead(200).write('{"issuer":'),
  reset: (): Fault => (res) => void res.socket?.resetAndDestroy(),
} as const;

export interface RecordedRequest {
  readonly route: IssuerRoute | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The body as a form. */
  readonly form: URLSearchParams;
}

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export interface FakeIssuerOptions {
  /** Path of the issuer, such as `"/realms/a"`. Default: none. */
  readonly path?: string;
  /** Forms that answer; the others are 404. Default: all. */
  readonly forms?: readonly WellKnownForm[];
}

export interface SignOptions {
  /** Default: `"RS256"`. */
  readonly alg?: "RS256" | "ES256";
  /** Picks a key, also one that is not published any more. Default: the newest of `alg`. */
  readonly kid?: string;
  /** Overrides header fields; `undefined` removes one. */
  readonly header?: Record<string, unknown>;
}

/** An issuer on a real port, with a switch for everything that can go wrong. */
export class FakeIssuer {
  /** Forms that answer; change at will. */
  readonly forms: Set<WellKnownForm>;
  /** Overrides fields of the metadata document; `undefined` removes one. */
  metadata: Record<string, unknown> = {};
  /** What introspection says, by token; others are `{ active: false }`. */
  readonly tokens = new Map<string, Record<string, unknown>>();
  /** Clients that may introspect: secrets by id. */
  readonly clients = new Map([["resource-server", "rs-secret"]]);
  /** Every request, in the order in which they came. */
  readonly requests: RecordedRequest[] = [];
  readonly #path: string;
  readonly #server: Server;
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #faults = new Map<IssuerRoute, Fault>();
  readonly #gates = new Map<IssuerRoute, Promise<void>>();
  readonly #keys: SigningKey[] = [];
  #publishedKids: ReadonlySet<string> | undefined;
  #keysReady: Promise<void> | undefined;
  #port = 0;

  constructor({ path = "", forms }: FakeIssuerOptions = {}) {
    this.#path = path;
    this.forms = new Set(forms ?? ["rfc8414-insert", "oidc-insert", "oidc-append"]);
    this.#server = createServer((req, res) => {
      // A client that goes away while it sends is no failure of the issuer.
      this.#serve(req, res).catch(() => res.destroy());
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The issuer's identifier. */
  get url(): string {
    return this.origin + this.#path;
  }

  /** Listens: on a free port at first, later on the same one again. */
  async start(): Promise<this> {
    if (this.#port === 0) this.#port = await lastingPort();
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  /** Ends every connection and refuses new ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Makes one route, or all metadata routes together, fail until {@link heal}. */
  fail(route: IssuerRoute | "metadata", fault: Fault): void {
    for (const name of routesOf(route)) this.#faults.set(name, fault);
  }

  heal(): void {
    this.#faults.clear();
  }

  /** Requests to `route` wait, once recorded, until the returned function is called. */
  hold(route: IssuerRoute): () => void {
    let release: () => void = () => undefined;
    this.#gates.set(route, new Promise((resolve) => (release = resolve)));
    return () => {
      this.#gates.delete(route);
      release();
    };
  }

  /** The requests that came to `route`. */
  requestsTo(route: IssuerRoute): readonly RecordedRequest[] {
    return this.requests.filter((request) => request.route === route);
  }

  /** Resolves with the `count`-th request to `route`, as soon as it has come. */
  async received(route: IssuerRoute, count = 1): Promise<RecordedRequest> {
    while (this.requestsTo(route).length < count) await once(this.#events, "request");
    return this.requestsTo(route)[count - 1]!;
  }

  /**
   * A JWT access token of this issuer for `sub` "user-1", valid for five minutes.
   *
   * @param claims Overrides claims; `undefined` removes one.
   */
  async signAccessToken(
    claims: Record<string, unknown> = {},
    { alg = "RS256", kid, header = {} }: SignOptions = {},
  ): Promise<string> {
    await this.#ensureKeys();
    const key = this.#keys.findLast((one) => one.alg === alg && (kid ?? one.kid) === one.kid);
    if (key === undefined) throw new Error(`the fake issuer has no ${alg} key "${kid}"`);
    const now = Math.floor(Date.now() / 1000);
    const defaults = { iss: this.url, sub: "user-1", iat: now, exp: now + 300 };
    return await new SignJWT(withoutUndefined({ ...defaults, ...claims }))
      .setProtectedHeader({
        alg,
        ...withoutUndefined({ kid: key.kid, typ: "at+jwt", ...header }),
      })
      .sign(key.privateKey);
  }

  /** The key set as it is published now. */
  async jwks(): Promise<{ keys: JWK[] }> {
    await this.#ensureKeys();
    const published = this.#keys.filter((key) => this.#publishedKids?.has(key.kid) ?? true);
    return { keys: published.map((key) => key.publicJwk) };
  }

  /** Makes a new key of each algorithm, `"RS256-2"` and so on; the old ones leave the set unless kept. */
  async rotateKeys({ keepOld = false } = {}): Promise<void> {
    await this.#ensureKeys();
    const kept = keepOld ? (await this.jwks()).keys : [];
    const before = this.#keys.length;
    await this.#addKeys();
    const added = this.#keys.slice(before);
    this.publishKeys([...kept, ...added].map((key) => key.kid!));
  }

  /** Limits the key set to these; an empty list empties it. */
  publishKeys(kids: readonly string[]): void {
    this.#publishedKids = new Set(kids);
  }

  async #ensureKeys(): Promise<void> {
    this.#keysReady ??= this.#addKeys();
    await this.#keysReady;
  }

  async #addKeys(): Promise<void> {
    const generation = this.#keys.length / 2 + 1;
    for (const alg of ["RS256", "ES256"]) {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const kid = `${alg}-${generation}`;
      const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
      this.#keys.push({ kid, alg, privateKey, publicJwk });
    }
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = req;
    const body = await text(req);
    const route = this.#routeOf(url);
    const request = { route, method, url, headers, body, form: new URLSearchParams(body) };
    this.requests.push(request);
    this.#events.emit("request");
    if (route === undefined) {
      res.writeHead(404).end();
      return;
    }
    await this.#gates.get(route);
    const fault = this.#faults.get(route);
    if (fault !== undefined) fault(res);
    else await this.#answer(route, request, res);
  }

  #routeOf(url: string): IssuerRoute | undefined {
    const places: readonly (readonly [IssuerRoute, string])[] = [
      ["rfc8414-insert", `/.well-known/oauth-authorization-server${this.#path}`],
      ["oidc-insert", `/.well-known/openid-configuration${this.#path}`],
      ["oidc-append", `${this.#path}/.well-known/openid-configuration`],
      ["jwks", `${this.#path}/jwks`],
      ["jwks", `${this.#path}/.well-known/jwks.json`],
      ["introspection", `${this.#path}/introspect`],
    ];
    const answers = (route: IssuerRoute) => !isWellKnown(route) || this.forms.has(route);
    return places.find(([route, place]) => place === url && answers(route))?.[0];
  }

  async #answer(route: IssuerRoute, request: RecordedRequest, res: ServerResponse): Promise<void> {
    if (route === "jwks") sendJson(res, await this.jwks());
    else if (route !== "introspection") sendJson(res, this.#metadataDocument());
    else if (!this.#isAuthenticated(request)) res.writeHead(401).end();
    else sendJson(res, this.tokens.get(request.form.get("token") ?? "") ?? { active: false });
  }

  #metadataDocument(): Record<string, unknown> {
    return withoutUndefined({
      issuer: this.url,
      jwks_uri: `${this.url}/jwks`,
      introspection_endpoint: `${this.url}/introspect`,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      ...this.metadata,
    });
  }

  #isAuthenticated({ headers, form }: RecordedRequest): boolean {
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1];
    const [id, secret] =
      basic === undefined
        ? [form.get("client_id"), form.get("client_secret")]
        : Buffer.from(basic, "base64").toString().split(":").map(formDecode);
    return typeof secret === "string" && this.clients.get(id ?? "") === secret;
  }
}

/** Starts a {@link FakeIssuer}; end it with `stop()`. */
export async function startFakeIssuer(options?: FakeIssuerOptions): Promise<FakeIssuer> {
  return await new FakeIssuer(options).start();
}

function routesOf(route: IssuerRoute | "metadata"): readonly IssuerRoute[] {
  return route === "metadata" ? ["rfc8414-insert", "oidc-insert", "oidc-append"] : [route];
}

function isWellKnown(route: IssuerRoute): route is WellKnownForm {
  return routesOf("metadata").includes(route);
}

function sendJson(res: ServerResponse, value: unknown): void {
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function formDecode(value: string): string {
  return new URLSearchParams(`=${value}`).get("") ?? "";
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
