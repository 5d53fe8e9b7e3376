/** ID tokens that do not say who signed in here. */
import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { rsaKeyPair } from "../../kit/key-pairs.js";
import { expectErrorAnswer } from "../../kit/sign-in-answers.js";
import { OUR_CLIENT, privateKey } from "../../kit/identity-provider.js";
import type { Visit } from "../../kit/person.js";
import { AuthorizationRequest, REDIRECT_URI, register, serveSignIn } from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";

cleanUpAfterEach();

const foreignKey = rsaKeyPair().privateKey;
const sharedSecret = new TextEncoder().encode(OUR_CLIENT.secret);

interface Forgery {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject | Uint8Array;
  readonly alg?: string;
  /** More of its header. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** What is done to the token once it is signed. */
  readonly change?: (token: string) => string;
  /** Whether the provider gives nobody its keys by then. */
  readonly hidesKeys?: boolean;
}

/** What our server makes of a login whose ID token is this one. */
async function signInWith({
  claims,
  key = privateKey,
  alg = "RS256",
  header,
  change = (token) => token,
  hidesKeys = false,
}: Forgery): Promise<Visit & { readonly lines: readonly string[] }> {
  const setup = await serveSignIn();
  const { issuer } = setup.provider;
  const person = setup.person();
  const { client_id: clientId } = await register(setup.issuer);
  const away = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url, /\/auth\?/);
  const jwks = await (await fetch(`${issuer}/jwks`)).json();
  const now = Math.floor(Date.now() / 1000);
  const idToken = await new SignJWT({
    iss: issuer,
    aud: OUR_CLIENT.id,
    sub: "mallory",
    nonce: new URL(away.url).searchParams.get("nonce"),
    iat: now,
    exp: now + 60,
    ...claims,
  })
    .setProtectedHeader({ alg, kid: (jwks as { keys: [{ kid: string }] }).keys[0].kid, ...header })
    .sign(key, { crit: { unheardOf: true } });
  if (hidesKeys) setup.provider.faults.set("/jwks", (_req, res) => void res.writeHead(500).end());
  setup.provider.faults.set("/token", (_req, res) => {
    const body = { access_token: "a", token_type: "Bearer", id_token: change(idToken) };
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  const visit = await passProvider(person, await person.visit(away.url), "mallory");
  return { ...visit, lines: setup.lines };
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

function unsigned(token: string): string {
  return `${encode({ alg: "none" })}.${token.split(".")[1]}.`;
}

function withSubject(token: string, sub: string): string {
  const [header, claims = "", signature] = token.split(".");
  const said = JSON.parse(Buffer.from(claims, "base64url").toString()) as object;
  return `${header}.${encode({ ...said, sub })}.${signature}`;
}

test("SIGNIN-24: a good ID token says who signed in", async () => {
  expect((await signInWith({})).text).toContain("<bdi>mallory</bdi>");
});

test.each<[string, Forgery]>([
  ["of another signer", { key: foreignKey }],
  ["that nobody signed", { change: unsigned }],
  ["changed after it was signed", { change: (token) => withSubject(token, "alice") }],
  ["that is none", { change: () => "opaque" }],
  ["signed with a key that is not published", { header: { kid: "another" } }],
  ["with an extension to mind", { header: { crit: ["unheardOf"], unheardOf: true } }],
  ["for several, of whom nobody asked", { claims: { aud: [OUR_CLIENT.id, "another-client"] } }],
  ["signed with the client's secret", { key: sharedSecret, alg: "HS256" }],
  ["of another issuer", { claims: { iss: "https://evil.example" } }],
  ["for another client", { claims: { aud: "another-client" } }],
  ["that has expired", { claims: { exp: 1 } }],
  ["without expiry", { claims: { exp: undefined } }],
  ["of another login", { claims: { nonce: "another" } }],
  ["without nonce", { claims: { nonce: undefined } }],
  ["made for another client that shares us", { claims: { azp: "another-client" } }],
  ["without subject", { claims: { sub: undefined } }],
  ["with an empty subject", { claims: { sub: "" } }],
])("SIGNIN-24: an ID token %s signs nobody in", async (_what, forgery) => {
  expectErrorAnswer(await signInWith(forgery), REDIRECT_URI, "server_error");
});

test("SIGNIN-24: what an ID token names in its header is not repeated in the log", async () => {
  const header = { crit: ["unheardOf"], unheardOf: true };
  const { lines } = await signInWith({ header });
  expect(lines.join("\n")).toContain("the ID token is refused");
  expect(lines.join("\n")).not.toContain("unheardOf");
});

test("SIGNIN-24: an ID token whose keys cannot be had is not judged", async () => {
  expectErrorAnswer(await signInWith({ hidesKeys: true }), REDIRECT_URI, "temporarily_unavailable");
});
