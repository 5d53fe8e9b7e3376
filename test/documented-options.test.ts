/**
 * The documented configurations for JWT and API keys, as people have them in their programs:
 * nothing but the import is different, and the port where one is opened.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { MCPServer } from "express-mcp-sse";
import type { ApiKeyOptions, JwtOptions, Principal } from "express-mcp-sse";
import { cleanUpAfterEach, onDispose } from "./kit/clean-up.js";
import { listen } from "./kit/listen.js";
import { JwksServer } from "./kit/jwks-server.js";
import { openStream } from "./kit/raw-sse.js";
import { bearer, keyToken, rsaKey, SECRET, secretToken } from "./kit/tokens.js";

cleanUpAfterEach();

/** The environment that the documented programs read. */
interface Env {
  PORT?: string;
  CORS_ORIGINS?: string;
  JWT_SECRET?: string;
  JWT_PUBLIC_KEY?: string;
  AUTH_ISSUER?: string;
  AUTH_AUDIENCE?: string;
  API_KEY_1?: string;
  API_KEY_2?: string;
}

const MY_TOKENS = { iss: "my-auth-service", aud: "my-mcp-server" };
const MY_COMPANY = "https://auth.mycompany.com";
const KEY_1 = "key-one-0123456789abcdef";
const KEY_2 = "key-two-0123456789abcdef";

const issuerKey = rsaKey("issuer-1");
const foreignKey = rsaKey("foreign-1");

function jwtExample(env: Env, port = 8080): MCPServer {
  return new MCPServer({
    transport: {
      type: "sse",
      options: {
        port,
        auth: {
          type: "jwt",
          options: {
            secret: env.JWT_SECRET!,
            algorithms: ["HS256"],
            issuer: "my-auth-service",
            audience: "my-mcp-server",
          },
        },
      },
    },
  });
}

function apiKeyExample(env: Env, port = 8080): MCPServer {
  return new MCPServer({
    transport: {
      type: "sse",
      options: {
        port,
        auth: {
          type: "apikey",
          options: {
            keys: [env.API_KEY_1!, env.API_KEY_2!],
            headerName: "X-API-Key",
          },
        },
      },
    },
  });
}

/** The complete example for production. */
function productionExample(env: Env): MCPServer {
  return new MCPServer({
    name: "production-mcp-server",
    version: "1.0.0",
    transport: {
      type: "sse",
      options: {
        // eslint-disable-next-line @typescript-eslint/prefer-nullish-coalescing -- as documented
        port: parseInt(env.PORT || "8080"),
        cors: {
          // eslint-disable-next-line @typescript-eslint/prefer-nullish-coalescing -- as documented
          allowOrigins: env.CORS_ORIGINS?.split(",") || [],
        },
        auth: {
          type: "jwt",
          options: {
            jwksUri: `${env.AUTH_ISSUER}/.well-known/jwks.json`,
            algorithms: ["RS256"],
            issuer: env.AUTH_ISSUER!,
            audience: env.AUTH_AUDIENCE!,
          },
        },
      },
    },
  });
}

/** The shapes that are documented as an `auth` alone, in the server that goes around them. */
function withJwt(options: JwtOptions): MCPServer {
  return new MCPServer({
    transport: { type: "sse", options: { port: 0, auth: { type: "jwt", options } } },
  });
}

function withApiKeys(options: ApiKeyOptions): MCPServer {
  return new MCPServer({
    transport: { type: "sse", options: { port: 0, auth: { type: "apikey", options } } },
  });
}

function publicKeyExample(env: Env): MCPServer {
  return withJwt({
    publicKey: env.JWT_PUBLIC_KEY!,
    algorithms: ["RS256"],
    issuer: "https://auth.mycompany.com",
  });
}

async function started(server: MCPServer): Promise<{ server: MCPServer; url: string }> {
  onDispose(() => server.stop());
  await server.start();
  return { server, url: server.url! };
}

async function startedKeyHost(): Promise<{ host: JwksServer; issuer: string }> {
  const host = await JwksServer.start(issuerKey);
  onDispose(() => host.stop());
  return { host, issuer: new URL(host.url).origin };
}

/** Connects the SDK's client, has it exchange messages, and tells who it is for the server. */
async function admitted(
  { server }: { server: MCPServer },
  headers: Record<string, string>,
  query = "",
): Promise<{ principal: Principal | undefined; client: Client }> {
  const client = new Client({ name: "test", version: "1.0.0" });
  onDispose(() => client.close());
  const url = new URL(server.url! + query);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport this package is for
  await client.connect(new SSEClientTransport(url, { requestInit: { headers } }));
  await client.ping();
  return { principal: server.sessions!.list().at(-1)!.principal, client };
}

/** The status of the answer to a client that is not to be let in. */
async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const stream = await openStream(url, headers);
  if (stream.status === 401) expect(stream.headers).toHaveProperty("www-authenticate");
  stream.close();
  return stream.status;
}

describe("the JWT example with a secret", () => {
  test("lets the SDK's client in with a token of the service", async () => {
    const running = await started(jwtExample({ JWT_SECRET: SECRET }, 0));
    const { principal } = await admitted(running, bearer(secretToken(MY_TOKENS)));
    expect(principal).toMatchObject({ id: "alice", method: "jwt", issuer: "my-auth-service" });
  });

  test.each<[string, Record<string, string>]>([
    ["no token", {}],
    ["another secret", bearer(secretToken(MY_TOKENS, { secret: SECRET.toUpperCase() }))],
    ["another algorithm", bearer(secretToken(MY_TOKENS, { algorithm: "HS512" }))],
    ["another issuer", bearer(secretToken({ ...MY_TOKENS, iss: "other-auth-service" }))],
    ["no issuer", bearer(secretToken({ aud: MY_TOKENS.aud }))],
    ["another audience", bearer(secretToken({ ...MY_TOKENS, aud: "other-mcp-server" }))],
    ["no audience", bearer(secretToken({ iss: MY_TOKENS.iss }))],
  ])("refuses %s", async (_what, headers) => {
    const { url } = await started(jwtExample({ JWT_SECRET: SECRET }, 0));
    expect(await statusOf(url, headers)).toBe(401);
  });
});

describe("the JWT example with a public key", () => {
  test.each([
    ["as PEM", issuerKey.publicPem],
    ["as PEM on one line", issuerKey.publicPem.replaceAll("\n", "\\n")],
  ])("lets the SDK's client in; the key stands in the environment %s", async (_how, pem) => {
    const running = await started(publicKeyExample({ JWT_PUBLIC_KEY: pem }));
    const { principal } = await admitted(running, bearer(keyToken(issuerKey, { iss: MY_COMPANY })));
    expect(principal).toMatchObject({ id: "alice", method: "jwt", issuer: MY_COMPANY });
  });

  test.each<[string, string]>([
    ["another key", keyToken(foreignKey, { iss: MY_COMPANY })],
    ["another issuer", keyToken(issuerKey, { iss: "https://auth.elsewhere.com" })],
    [
      "another algorithm of the same key",
      keyToken({ ...issuerKey, algorithm: "RS512" }, { iss: MY_COMPANY }),
    ],
    [
      "the public key's text as a secret",
      secretToken({ iss: MY_COMPANY }, { secret: issuerKey.publicPem }),
    ],
  ])("refuses %s", async (_what, token) => {
    const { url } = await started(publicKeyExample({ JWT_PUBLIC_KEY: issuerKey.publicPem }));
    expect(await statusOf(url, bearer(token))).toBe(401);
  });
});

describe("the JWT example with a JWKS", () => {
  function jwksExample(host: JwksServer): MCPServer {
    return withJwt({ jwksUri: host.url, algorithms: ["RS256"], audience: "my-mcp-server" });
  }

  test("lets the SDK's client in with a token of a published key", async () => {
    const { host } = await startedKeyHost();
    const running = await started(jwksExample(host));
    const token = keyToken(issuerKey, { aud: "my-mcp-server" });
    const { principal } = await admitted(running, bearer(token));
    expect(principal).toMatchObject({ id: "alice", method: "jwt" });
  });

  test("refuses a key that is not published, and another audience", async () => {
    const { host } = await startedKeyHost();
    const { url } = await started(jwksExample(host));
    const foreign = keyToken(foreignKey, { aud: "my-mcp-server" });
    expect(await statusOf(url, bearer(foreign))).toBe(401);
    const misdirected = keyToken(issuerKey, { aud: "other-mcp-server" });
    expect(await statusOf(url, bearer(misdirected))).toBe(401);
  });

  test("follows the rotation of keys by itself", async () => {
    const { host } = await startedKeyHost();
    const running = await started(jwksExample(host));
    await admitted(running, bearer(keyToken(issuerKey, { aud: "my-mcp-server" })));
    host.rotate(foreignKey);
    const now = performance.now.bind(performance);
    const clock = jest.spyOn(performance, "now").mockImplementation(() => now() + 3_600_000);
    onDispose(() => clock.mockRestore());
    await admitted(running, bearer(keyToken(foreignKey, { aud: "my-mcp-server" })));
    const old = keyToken(issuerKey, { aud: "my-mcp-server" });
    expect(await statusOf(running.url, bearer(old))).toBe(401);
  });
});

describe("each option of the JWT table", () => {
  test.each(["HS256", "HS384", "HS512"] as const)(
    "secret verifies %s when algorithms names it, and only then",
    async (algorithm) => {
      const headers = bearer(secretToken({}, { algorithm }));
      await admitted(await started(withJwt({ secret: SECRET, algorithms: [algorithm] })), headers);
      const others = (["HS256", "HS384", "HS512"] as const).filter((name) => name !== algorithm);
      const { url } = await started(withJwt({ secret: SECRET, algorithms: others }));
      expect(await statusOf(url, headers)).toBe(401);
    },
  );

  test.each(["RS256", "RS384", "RS512"] as const)(
    "publicKey verifies %s when algorithms names it, and only then",
    async (algorithm) => {
      const publicKey = issuerKey.publicPem;
      const headers = bearer(keyToken({ ...issuerKey, algorithm }));
      await admitted(await started(withJwt({ publicKey, algorithms: [algorithm] })), headers);
      const others = (["RS256", "RS384", "RS512"] as const).filter((name) => name !== algorithm);
      const { url } = await started(withJwt({ publicKey, algorithms: others }));
      expect(await statusOf(url, headers)).toBe(401);
    },
  );

  test("issuer and audience are optional: without them any will do, and none", async () => {
    const running = await started(withJwt({ secret: SECRET, algorithms: ["HS256"] }));
    await admitted(running, bearer(secretToken({ iss: "anyone", aud: "anything" })));
    const { principal } = await admitted(running, bearer(secretToken()));
    expect(principal).not.toHaveProperty("issuer");
  });

  test.each<[string, object, RegExp]>([
    ["algorithms is required", { secret: SECRET }, /algorithms must name/],
    ["one of secret, publicKey and jwksUri is required", { algorithms: ["HS256"] }, /has no key/],
    [
      "publicKey goes instead of secret, not beside it",
      { secret: SECRET, publicKey: issuerKey.publicPem, algorithms: ["RS256"] },
      /more than one key: secret and publicKey/,
    ],
  ])("%s", (_what, options, message) => {
    expect(() => withJwt(options as JwtOptions)).toThrow(message);
  });
});

describe("the API key example", () => {
  const env = { API_KEY_1: KEY_1, API_KEY_2: KEY_2 };

  test("lets the SDK's client in with either key, as two callers", async () => {
    const running = await started(apiKeyExample(env, 0));
    const first = await admitted(running, { "X-API-Key": KEY_1 });
    const second = await admitted(running, { "X-API-Key": KEY_2 });
    expect(first.principal).toMatchObject({ method: "apikey" });
    expect(second.principal).toMatchObject({ method: "apikey" });
    expect(first.principal?.id).not.toBe(second.principal?.id);
  });

  test("serves the documented curl commands, which call the server localhost", async () => {
    const running = await started(withApiKeys({ keys: ["your-api-key"], queryParam: "api_key" }));
    const host = `localhost:${new URL(running.url).port}`;
    expect(await statusOf(running.url, { host, "X-API-Key": "your-api-key" })).toBe(200);
    expect(await statusOf(`${running.url}?api_key=your-api-key`, { host })).toBe(200);
  });

  test.each<[string, Record<string, string>, string]>([
    ["no key", {}, ""],
    ["an unknown key", { "X-API-Key": "key-three-0123456789" }, ""],
    ["the beginning of a key", { "X-API-Key": KEY_1.slice(0, -1) }, ""],
    ["both keys as one", { "X-API-Key": `${KEY_1},${KEY_2}` }, ""],
    ["another header", { "X-Key": KEY_1 }, ""],
    ["a query that no option names", {}, `?api_key=${KEY_1}`],
  ])("refuses %s", async (_what, headers, query) => {
    const { url } = await started(apiKeyExample(env, 0));
    expect(await statusOf(url + query, headers)).toBe(401);
  });
});

describe("each option of the API key table", () => {
  test("keys is required", () => {
    expect(() => withApiKeys({} as ApiKeyOptions)).toThrow(/has no keys/);
  });

  test("headerName is X-API-Key unless given", async () => {
    await admitted(await started(withApiKeys({ keys: [KEY_1] })), { "X-API-Key": KEY_1 });
  });

  test("headerName replaces X-API-Key", async () => {
    const running = await started(withApiKeys({ keys: [KEY_1], headerName: "X-Team-Key" }));
    await admitted(running, { "X-Team-Key": KEY_1 });
    expect(await statusOf(running.url, { "X-API-Key": KEY_1 })).toBe(401);
  });

  test("queryParam is an alternative to the header, under its own name only", async () => {
    const running = await started(withApiKeys({ keys: [KEY_1], queryParam: "api_key" }));
    await admitted(running, {}, `?api_key=${KEY_1}`);
    await admitted(running, { "X-API-Key": KEY_1 });
    expect(await statusOf(`${running.url}?key=${KEY_1}`)).toBe(401);
    expect(await statusOf(`${running.url}?api_key=${KEY_2}`)).toBe(401);
  });
});

describe("the complete example for production", () => {
  async function production(change: Env = {}): Promise<{ server: MCPServer; url: string }> {
    const { issuer } = await startedKeyHost();
    const env = { PORT: "0", AUTH_ISSUER: issuer, AUTH_AUDIENCE: "my-mcp-server", ...change };
    return started(productionExample(env));
  }

  function tokenFrom(issuer: string, change = {}): Record<string, string> {
    return bearer(keyToken(issuerKey, { iss: issuer, aud: "my-mcp-server", ...change }));
  }

  test("lets the SDK's client in, and tells it the server's name", async () => {
    const { issuer } = await startedKeyHost();
    const running = await started(
      productionExample({ PORT: "0", AUTH_ISSUER: issuer, AUTH_AUDIENCE: "my-mcp-server" }),
    );
    const { principal, client } = await admitted(running, tokenFrom(issuer));
    expect(principal).toMatchObject({ id: "alice", issuer });
    expect(client.getServerVersion()).toEqual({ name: "production-mcp-server", version: "1.0.0" });
    expect(await statusOf(running.url, tokenFrom(MY_COMPANY))).toBe(401);
    expect(await statusOf(running.url, tokenFrom(issuer, { aud: "other" }))).toBe(401);
  });

  test.each<[string, Env]>([
    ["unset", {}],
    ["empty", { CORS_ORIGINS: "" }],
  ])("lets no page in when CORS_ORIGINS is %s", async (_what, env) => {
    const { url } = await production(env);
    const answer = await fetch(url, { headers: { origin: "https://app.example.com" } });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    await answer.text();
  });

  test.each([
    "https://a.example.com,https://b.example.com",
    "https://a.example.com, https://b.example.com,",
  ])("lets the pages in that CORS_ORIGINS names: %s", async (origins) => {
    const { url } = await production({ CORS_ORIGINS: origins });
    for (const origin of ["https://a.example.com", "https://b.example.com"]) {
      const answer = await fetch(url, { headers: { origin } });
      expect(answer.status).toBe(401); // no token; but the page may read that
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      await answer.text();
    }
    expect(await statusOf(url, { origin: "https://c.example.com" })).toBe(403);
  });

  test("start() rejects with the port in the message when it is taken", async () => {
    const { port } = await listen((_req, res) => res.end());
    const taken = productionExample({
      ...{ PORT: String(port), AUTH_ISSUER: MY_COMPANY, AUTH_AUDIENCE: "my-mcp-server" },
    });
    await expect(taken.start()).rejects.toThrow(new RegExp(`\\b${port}\\b.*taken`));
  });
});

describe("an environment variable that is unset or empty", () => {
  const complete = { AUTH_ISSUER: MY_COMPANY, AUTH_AUDIENCE: "my-mcp-server" };
  const { AUTH_AUDIENCE, AUTH_ISSUER } = complete;

  test.each<[string, (env: Env) => MCPServer, Env]>([
    ["PORT unset", productionExample, complete],
    ["PORT empty", productionExample, { ...complete, PORT: "" }],
    ["CORS_ORIGINS empty", productionExample, { ...complete, CORS_ORIGINS: "" }],
  ])("leaves the documented default: %s", (_what, example, env) => {
    expect(() => example(env)).not.toThrow();
  });

  test.each<[string, (env: Env) => MCPServer, Env, RegExp]>([
    ["JWT_SECRET unset", jwtExample, {}, /secret is undefined.* environment/],
    ["JWT_SECRET empty", jwtExample, { JWT_SECRET: "" }, /secret must be a non-empty string/],
    ["JWT_PUBLIC_KEY unset", publicKeyExample, {}, /publicKey is undefined.* environment/],
    ["JWT_PUBLIC_KEY empty", publicKeyExample, { JWT_PUBLIC_KEY: "" }, /publicKey must be/],
    ["API_KEY_1 unset", apiKeyExample, { API_KEY_2: KEY_2 }, /keys\[0\] is undefined/],
    ["API_KEY_2 empty", apiKeyExample, { API_KEY_1: KEY_1, API_KEY_2: "" }, /keys\[1\] must be/],
    ["AUTH_ISSUER unset", productionExample, { AUTH_AUDIENCE }, /jwksUri is not a URL.* set\?/],
    ["AUTH_ISSUER empty", productionExample, { ...complete, AUTH_ISSUER: "" }, /jwksUri is not/],
    ["AUTH_AUDIENCE unset", productionExample, { AUTH_ISSUER }, /audience is undefined/],
    ["AUTH_AUDIENCE empty", productionExample, { ...complete, AUTH_AUDIENCE: "" }, /audience must/],
    ["PORT no number", productionExample, { ...complete, PORT: "http" }, /port must be a number/],
  ])("is an error that names the option: %s", (_what, example, env, message) => {
    expect(() => example(env)).toThrow(TypeError);
    expect(() => example(env)).toThrow(message);
  });
});
