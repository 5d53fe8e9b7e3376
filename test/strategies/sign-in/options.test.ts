/** What is written wrong, and what clients find out by themselves. */
import type { JsonWebKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { createSseRouter } from "../../../src/index.js";
import type { AuthConfig, OAuthOptions } from "../../../src/index.js";
import { cleanAuthorizationQuery } from "../../../strategies/oauth/sign-in/requests/authorization-request.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { ecKeyPair, rsaKeyPair } from "../../kit/key-pairs.js";
import { send } from "../../kit/raw-http.js";
import { privateKey } from "../../kit/identity-provider.js";
import { createToolServer, obtainTokens, serveSignIn } from "../../kit/sign-in.js";

cleanUpAfterEach();

const provider = {
  issuerUrl: "https://idp.example",
  clientId: "id",
  clientSecret: "never-shown-secret",
} as const;

const build = (signIn: unknown, rest: object = {}, publicUrl = "https://api.example/mcp") =>
  createSseRouter({
    ...(publicUrl !== "" && { publicUrl }),
    auth: { type: "oauth", options: { ...provider, ...rest, signIn } } as unknown as AuthConfig,
    createServer: createToolServer,
  });

const rsa = rsaKeyPair().privateKey.export({
  format: "jwk",
});
const [ec, otherEc] = [1, 2].map(() => ecKeyPair().privateKey.export({ format: "jwk" })) as [
  JsonWebKey,
  JsonWebKey,
];
const foreignKey = ecKeyPair().privateKey;
const strategy = { authenticate: () => undefined };
const principal = () => ({ id: "x" });

describe("SIGNIN-26: a wrong option is a TypeError that names it and says what to write", () => {
  test.each<[string, unknown, RegExp]>([
    ["an unknown name", { scope: [] }, /signIn\.scope is not an option\. It takes: scopes,/],
    ["false", false, /signIn must be an object/],
    ["a scope with a space", { scopes: ["a b"] }, /signIn\.scopes holds something/],
    [
      "a reserved parameter",
      { authorizationParams: { state: "x" } },
      /authorizationParams\.state is set by/,
    ],
    [
      "parameters that are text",
      { authorizationParams: "x" },
      /authorizationParams must be an object/,
    ],
    [
      "a storage without take()",
      { storage: { get: principal, set: principal, add: principal } },
      /storage has no take\(\)/,
    ],
    ["a short secret", { keys: { secrets: ["short"] } }, /keys\.secrets must be a list/],
    ["an unset secret", { keys: { secrets: [undefined] } }, /is that set\?/],
    ["an RSA key", { keys: { signing: [rsa] } }, /keys\.signing must be a list of private keys/],
    ["no keys", { keys: { signing: [] } }, /keys\.signing/],
    [
      "the private half of one key with the public half of another",
      { keys: { signing: [{ ...ec, d: otherEc.d }] } },
      /keys\.signing must be a list of private keys/,
    ],
    [
      "a key with a private half that is too large, over which Node ends the process",
      { keys: { signing: [{ ...ec, d: Buffer.alloc(33, 1).toString("base64url") }] } },
      /keys\.signing must be a list of private keys/,
    ],
    ["an unknown key option", { keys: { secret: "x" } }, /keys\.secret is not an option/],
    ["an empty name", { consent: { name: " " } }, /consent\.name must be/],
    ["a logo over http", { consent: { logoUrl: "http://cdn.example/x.png" } }, /consent\.logoUrl/],
    [
      "endpoints without profile",
      { endpoints: { authorizationUrl: "https://a.example", tokenUrl: "https://a.example" } },
      /profile is missing/,
    ],
    [
      "an endpoint over http",
      {
        endpoints: { authorizationUrl: "http://a.example", tokenUrl: "https://a.example" },
        profile: principal,
      },
      /authorizationUrl is no https URL/,
    ],
    ["a profile that is text", { profile: "x" }, /profile must be a function/],
    ["a strategy without principal", { strategy }, /principal is missing/],
    ["principal without strategy", { principal }, /principal goes with strategy only/],
    [
      "a strategy and scopes",
      { strategy, principal, scopes: ["a"] },
      /scopes does not go with strategy/,
    ],
    ["a class instead of a strategy", { strategy: Date, principal }, /must be a Passport strategy/],
    ["a form of no fields", { strategy, principal, form: [] }, /form must be a list/],
    [
      "a field of an unknown type",
      { strategy, principal, form: [{ name: "a", label: "b", type: "x" }] },
      /form\[0\]\.type is unknown/,
    ],
    [
      "a field that is ours",
      { strategy, principal, form: [{ name: "token", label: "b" }] },
      /form\[0\]\.name/,
    ],
    [
      "too long a life",
      { accessTokenSeconds: 86_400 },
      /accessTokenSeconds must be a number from 60 to 3600/,
    ],
    ["no days", { refreshTokenDays: 0 }, /refreshTokenDays must be a number from 1 to 90/],
    ["a browser's own scheme", { appSchemes: ["javascript"] }, /appSchemes must name schemes/],
    ["a scheme with its colon", { appSchemes: ["myeditor:"] }, /Write the part before the colon/],
    ["a negative age", { revalidateMs: -1 }, /revalidateMs must be a number from 0 to 2592000000/],
    [
      "too short a sign-in",
      { signInAgainAfterMs: 1 },
      /signInAgainAfterMs must be a number from 60000/,
    ],
    ["revalidate that is text", { revalidate: "x" }, /revalidate must be a function/],
    ["no registrations", { registrationsPerMinute: 0 }, /registrationsPerMinute/],
    [
      "no registrations, as tuning",
      { advanced: { registrationsPerMinute: 0 } },
      /signIn\.advanced\.registrationsPerMinute must be a number from 1 to 10000/,
    ],
    [
      "registrations in both places",
      { registrationsPerMinute: 9, advanced: { registrationsPerMinute: 9 } },
      /signIn\.registrationsPerMinute is .*signIn\.advanced\.registrationsPerMinute now/,
    ],
    ["no function", { fetchClientMetadata: true }, /fetchClientMetadata must be a function/],
  ])("%s", (_what, signIn, message) => {
    expect(() => build(signIn)).toThrow(TypeError);
    expect(() => build(signIn)).toThrow(message);
    expect(() => build(signIn)).not.toThrow(/never-shown-secret/);
  });

  test("without publicUrl, with plain http, and with itself as the issuer", () => {
    expect(() => build(true, {}, "")).toThrow(/signIn needs publicUrl/);
    expect(() => build(true, {}, "http://api.example/mcp")).toThrow(/publicUrl with https/);
    expect(() => build(true, {}, "https://api.example/a;b")).toThrow(/publicUrl without ;/);
    expect(() => build(true, { issuerUrl: "https://api.example/mcp" })).toThrow(
      /is this server itself/,
    );
  });

  test("twice in one list", () => {
    const entry = { type: "oauth", options: { ...provider, signIn: true } } as const;
    expect(() =>
      createSseRouter({
        publicUrl: "https://api.example",
        auth: [entry, { ...entry, options: { ...entry.options, issuerUrl: "https://b.example" } }],
        createServer: createToolServer,
      }),
    ).toThrow(/has signIn more than once/);
  });
});

describe("SIGNIN-2: discovery", () => {
  test("the metadata answers at the root, with the mount's path, and below the mount, to every page", async () => {
    const { origin, issuer, resource } = await serveSignIn();
    for (const url of [
      `${origin}/.well-known/oauth-authorization-server/mcp`,
      `${origin}/.well-known/openid-configuration/mcp`,
      `${issuer}/.well-known/oauth-authorization-server`,
      `${issuer}/.well-known/openid-configuration`,
    ]) {
      const { status, json, headers } = await send(url);
      expect(status).toBe(200);
      expect(headers["access-control-allow-origin"]).toBe("*");
      expect(json).toMatchObject({
        issuer,
        authorization_endpoint: `${issuer}/oauth/authorize`,
        token_endpoint: `${issuer}/oauth/token`,
        registration_endpoint: `${issuer}/oauth/register`,
        revocation_endpoint: `${issuer}/oauth/revoke`,
        code_challenge_methods_supported: ["S256"],
        client_id_metadata_document_supported: true,
        authorization_response_iss_parameter_supported: true,
        scopes_supported: ["mcp:read"],
      });
    }
    const elsewhere = await send(`${origin}/.well-known/oauth-authorization-server/other`);
    expect(elsewhere.status).toBe(404);
    const document = await send(`${origin}/.well-known/oauth-protected-resource/mcp/sse`);
    expect(document.json).toMatchObject({ resource, authorization_servers: [issuer] });
    const posted = await send(`${issuer}/.well-known/oauth-authorization-server`, {
      method: "POST",
    });
    expect(posted.status).toBe(405);
  });

  test("a Host that is not ours gets nothing, and no URL is made of it", async () => {
    const { origin } = await serveSignIn();
    const answer = await send(`${origin}/mcp/oauth/jwks`, { headers: { host: "evil.example" } });
    expect(answer.status).toBe(403);
    const { keys } = JSON.parse((await send(`${origin}/mcp/oauth/jwks`)).text) as {
      keys: [Record<string, string>];
    };
    expect(keys[0]).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
    expect(keys[0]["d"]).toBeUndefined();
  });

  test("a path that is none of ours is a 404", async () => {
    const { issuer } = await serveSignIn();
    for (const path of ["/oauth/", "/oauth/me", "/oauth/request", "/oauth/../oauth/x"]) {
      expect((await send(`${issuer}${path}`)).status).toBe(404);
    }
  });
});

describe("SIGNIN-27: the tokens are ours", () => {
  test("signed for this resource, short-lived, with the person, the client and the scopes", async () => {
    const setup = await serveSignIn();
    const { client, tokens } = await obtainTokens(setup, setup.person());
    const [header, claims] = tokens.access_token
      .split(".")
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as object);
    expect(header).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    expect(claims).toMatchObject({
      iss: setup.issuer,
      aud: setup.resource,
      sub: "alice",
      client_id: client.client_id,
      scope: "mcp:read",
    });
    expect(tokens.expires_in).toBe(600);
  });

  test.each<[string, Partial<OAuthOptions>, number]>([
    ["are refused", {}, 401],
    ["are refused when audience names another", { audience: "other" }, 401],
    ["are taken when audience names theirs", { audience: "api" }, 200],
  ])("the provider's own tokens %s", async (_what, oauth, status) => {
    const setup = await serveSignIn({ oauth });
    const { issuer } = setup.provider;
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: [{ kid: string }] };
    const token = await new SignJWT({ aud: "api", sub: "a", scope: "mcp:read" })
      .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid: keys[0].kid })
      .setIssuer(issuer)
      .setExpirationTime("1m")
      .sign(privateKey);
    const headers = { authorization: `Bearer ${token}` };
    expect((await send(setup.resource, { headers })).status).toBe(status);
  });

  test.each([
    ["another key", () => ({ key: foreignKey })],
    ["our issuer's name, by the provider's key", () => ({ key: privateKey, alg: "RS256" })],
  ])("a token with %s is refused", async (_what, forge) => {
    const setup = await serveSignIn();
    const { tokens } = await obtainTokens(setup, setup.person());
    const [header = "", claims = ""] = tokens.access_token.split(".");
    const read = (part: string) =>
      JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
    const { key, alg = "ES256" } = forge() as { key: KeyObject; alg?: string };
    const forged = await new SignJWT(read(claims))
      .setProtectedHeader({ ...read(header), alg })
      .sign(key);
    const headers = { authorization: `Bearer ${forged}` };
    expect((await send(setup.resource, { headers })).status).toBe(401);
  });
});

test("SIGNIN-4: what is not known of a request is left out, and scopes are narrowed to those that exist", () => {
  const clean = (query: string) =>
    cleanAuthorizationQuery(new URLSearchParams(query), ["a", "b"]).toString();
  expect(clean("client_id=x&nonce=n&request=jwt&claims={}")).toBe("client_id=x&scope=a+b");
  expect(clean("scope=a+z+openid")).toBe("scope=a");
  expect(clean("scope=a&scope=b")).toBe("scope=a&scope=b");
  expect(clean("response_mode=form_post")).toContain("response_mode=unsupported");
});
