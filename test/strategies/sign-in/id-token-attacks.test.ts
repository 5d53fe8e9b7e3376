/** ID tokens that do not say who signed in here. */
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { expectErrorAnswer } from "../../kit/sign-in-answers.js";
import { OUR_CLIENT, privateKey } from "../../kit/identity-provider.js";
import type { Visit } from "../../kit/person.js";
import {
  AuthorizationRequest,
  passProvider,
  REDIRECT_URI,
  register,
  serveSignIn,
} from "../../kit/sign-in.js";

cleanUpAfterEach();

const foreignKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const sharedSecret = new TextEncoder().encode(OUR_CLIENT.secret);

interface Forgery {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject | Uint8Array;
  readonly alg?: string;
}

/** What our server makes of a login whose ID token is this one. */
async function signInWith({ claims, key = privateKey, alg = "RS256" }: Forgery): Promise<Visit> {
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
    .setProtectedHeader({ alg, kid: (jwks as { keys: [{ kid: string }] }).keys[0].kid })
    .sign(key);
  setup.provider.faults.set("/token", (_req, res) => {
    const body = { access_token: "a", token_type: "Bearer", id_token: idToken };
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  return await passProvider(person, await person.visit(away.url), "mallory");
}

test("SIGNIN-24: a good ID token says who signed in", async () => {
  expect((await signInWith({})).text).toContain("<bdi>mallory</bdi>");
});

test.each<[string, Forgery]>([
  ["of another signer", { key: foreignKey }],
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
