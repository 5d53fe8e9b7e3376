import ts from "typescript";
import type { AuthConfig } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { runCommand } from "../kit/command-terminal.js";
import type { CommandResult } from "../kit/command-terminal.js";
import { get, tokenOf, fakeIssuer } from "../kit/resource-server.js";
import { serveRouter } from "../kit/serve.js";
import { claims, forgedToken, now, secretToken, SECRET } from "../kit/tokens.js";

cleanUpAfterEach();

/** Runs the command with something to read. */
async function run(input: string, ...args: readonly string[]): Promise<CommandResult> {
  return await runCommand(["token", ...args], { input });
}

/** The options that the command prints, as a program has them that they were pasted into. */
function pasted(text: string): AuthConfig[] {
  const blocks = text.match(/^auth: \{\n[^]*?^\},$/gm) ?? [];
  const env = { JWT_SECRET: SECRET, OAUTH_CLIENT_ID: "a-client", OAUTH_CLIENT_SECRET: "a-secret" };
  return blocks.map((block) => {
    const program = ts.transpile(`(process) => ({ ${block} }).auth;`);
    const make = (0, eval)(program) as (process: object) => AuthConfig;
    return make({ env });
  });
}

it("CLI-20: shows header and claims, with times as dates, and neither the signature nor the token", async () => {
  const token = secretToken({ iat: now() - 60, exp: now() + 3 * 3600 + 5, scope: "mcp:read" });
  const { status, out } = await run(`Authorization: Bearer ${token}\n`);
  expect(status).toBe(0);
  expect(out).toMatch(/^It is a signed JWT: an access token; it ends in 3 h\.$/m);
  expect(out).toMatch(/^ {2}alg {2}"HS256"$/m);
  expect(out).toMatch(/^ {2}exp {4}\d+ {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, in 3 h$/m);
  for (const part of token.split(".")) expect(out).not.toContain(part);
});

it("CLI-20: prints the same for programs", async () => {
  const token = secretToken({ exp: 1_800_000_000 });
  const { out } = await run(token, "--json");
  expect(JSON.parse(out)).toMatchObject({
    schema: 1,
    form: "jwt",
    header: { alg: "HS256" },
    claims: { sub: "alice" },
    dates: { exp: "2027-01-15T08:00:00Z" },
    auth: [{ type: "jwt", options: { secret: { env: "JWT_SECRET" }, algorithms: ["HS256"] } }],
  });
  expect(out).not.toContain(token.split(".")[2]);
});

describe("CLI-21: what is pasted accepts the token", () => {
  it("of an issuer, by its keys and by its metadata", async () => {
    const issuer = await fakeIssuer();
    const token = await tokenOf(issuer, { scope: "mcp:read mcp:write" });
    const auths = pasted((await run(token)).out);
    expect(auths).toMatchObject([
      { type: "jwt", options: { jwksUri: `${issuer.url}/.well-known/jwks.json` } },
      { type: "oauth", options: { issuerUrl: issuer.url, scopes: ["mcp:read", "mcp:write"] } },
    ]);
    for (const auth of auths) {
      const served = await serveRouter({ auth });
      expect((await get(served, token)).status).toBe(200);
    }
  });

  it("of an issuer that names the client instead of an audience", async () => {
    const issuer = await fakeIssuer();
    const token = await issuer.signAccessToken({ client_id: "client-7", token_use: "access" });
    const auths = pasted((await run(token)).out);
    expect(auths).toMatchObject([{}, { options: { audienceClaim: "client_id" } }]);
    for (const auth of auths) {
      expect((await get(await serveRouter({ auth }), token)).status).toBe(200);
    }
  });

  it("that is signed with a secret, and has no end", async () => {
    const token = secretToken({ iss: "us", aud: ["one", "two"], exp: undefined });
    const auths = pasted((await run(token)).out);
    expect(auths).toEqual([
      {
        type: "jwt",
        options: {
          secret: SECRET,
          issuer: "us",
          audience: ["one", "two"],
          algorithms: ["HS256"],
          requireExp: false,
        },
      },
    ]);
    expect((await get(await serveRouter({ auth: auths[0]! }), token)).status).toBe(200);
  });

  it("and text of a token cannot be more than text there", async () => {
    const iss = 'https://a.example/"}});process.exit(9);//\u2028\u202e';
    const { out } = await run(secretToken({ iss, aud: "${process}`" }));
    expect(pasted(out)).toMatchObject([{ options: { issuer: iss, audience: "${process}`" } }]);
  });
});

it.each([
  ["https://t.eu.auth0.com/", "https://t.eu.auth0.com/.well-known/jwks.json"],
  [
    "https://login.microsoftonline.com/T/v2.0",
    "https://login.microsoftonline.com/T/discovery/v2.0/keys",
  ],
  ["https://sts.windows.net/T/", "https://login.microsoftonline.com/T/discovery/keys"],
  [
    "https://sso.example.com/realms/r",
    "https://sso.example.com/realms/r/protocol/openid-connect/certs",
  ],
  ["https://o.okta.com/oauth2/default", "https://o.okta.com/oauth2/default/v1/keys"],
  [
    "https://cognito-idp.eu-central-1.amazonaws.com/p",
    "https://cognito-idp.eu-central-1.amazonaws.com/p/.well-known/jwks.json",
  ],
])("knows where %s publishes its keys", async (iss, jwksUri) => {
  const { out } = await run(forgedToken({ alg: "RS256" }, claims({ iss }), "any"));
  expect(pasted(out)[0]).toMatchObject({ options: { jwksUri } });
  expect(out).not.toContain("a guess");
});

it.each([
  ["an ID token", { alg: "RS256" }, { nonce: "n" }],
  ["a refresh token", { alg: "RS256" }, { typ: "Refresh" }],
  ["a logout token", { alg: "RS256", typ: "logout+jwt" }, { events: {} }],
  ["a token bound to a key", { alg: "RS256" }, { cnf: { jkt: "k" } }],
  ["an unsigned token", { alg: "none" }, {}],
  ["an algorithm that nothing takes", { alg: "EdDSA" }, {}],
])("CLI-21: has no options for %s", async (_what, header, change) => {
  const { status, out } = await run(forgedToken(header, claims(change), "any"));
  expect(status).toBe(0);
  expect(out).toContain("There are no options that would accept it: ");
  expect(pasted(out)).toEqual([]);
});

it("says of an encrypted and of an opaque token what can be said", async () => {
  const header = Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString("base64url");
  expect((await run(`${header}..aXY.Y2lwaGVy.dGFn`)).out).toContain("an encrypted JWT (JWE)");
  expect((await run("an-opaque-token")).out).toContain("no JWT: an opaque token or a key");
});

it.each([
  ["nothing", "", /the secret is empty/],
  ["half a token", secretToken().slice(0, 40), /cut off/],
  ["a token in two lines", secretToken().replace(".", ".\n"), /a space or a line break/],
  ["a megabyte", `${secretToken()}${"a".repeat(1_000_000)}`, /longer than/],
])("CLI-22: refuses %s, and repeats nothing of it", async (_what, text, problem) => {
  const { status, out, err } = await run(text);
  expect([status, out]).toEqual([2, ""]);
  expect(err).toMatch(problem);
  if (text !== "") expect(err).not.toContain(text.slice(0, 12));
});

it("CLI-24: what a token says is shown, and not obeyed", async () => {
  const evil = "\u001b[2J\u009b31m\r\n\u202e\u{e0041}";
  const parts = [
    { alg: "HS256", kid: evil },
    { sub: evil, [evil]: 1, iss: evil },
  ] as const;
  const claimsText = `{"__proto__":{"polluted":1},${JSON.stringify(parts[1]).slice(1)}`;
  const payload = Buffer.from(claimsText).toString("base64url");
  const head = Buffer.from(JSON.stringify(parts[0])).toString("base64url");
  for (const args of [[], ["--json"]]) {
    const { out } = await run(`${head}.${payload}.c2ln`, ...args);
    expect(out.replaceAll("\n", "")).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u);
    expect(out).toContain("__proto__");
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it("CLI-24: claims that are nested more deeply than Node can write are shown as far as they can be", async () => {
  const head = Buffer.from('{"alg":"HS256"}').toString("base64url");
  const deep = `{"sub":"a","deep":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
  const token = `${head}.${Buffer.from(deep).toString("base64url")}.c2ln`;
  const { status, out } = await run(token);
  expect(status).toBe(0);
  expect(out).toContain("(nested too deeply)");
  const { claims: shown } = JSON.parse((await run(token, "--json")).out) as { claims: object };
  expect(shown).toMatchObject({ sub: "a" });
});
