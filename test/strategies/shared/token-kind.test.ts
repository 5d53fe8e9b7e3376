import { jwt } from "../../../strategies/jwt.js";
import { oauth } from "../../../strategies/oauth.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { AUDIENCE, fakeIssuer, oauthOptions, opaqueOf } from "../../kit/resource-server.js";
import {
  claims as claimsOf,
  forgedToken,
  keyToken,
  rsaKey,
  SECRET,
  secretToken,
} from "../../kit/tokens.js";
import { ask, withToken, principalOfAnswer, reasonOf } from "../../kit/auth-probe.js";

cleanUpAfterEach();
cleanUpAfterEach();

const rsa = rsaKey("rsa-1");
const bySecret = jwt({ secret: SECRET, algorithms: ["HS256"] });
const byPublicKey = jwt({ publicKey: rsa.publicPem, algorithms: ["RS256"] });

const NO_ACCESS_TOKEN = "that is no access token";

/** Why both kinds of `jwt` method refuse a token with these claims. */
async function refusalsOf(claims: object, header: object = {}): Promise<readonly string[]> {
  const signed = forgedToken({ alg: "HS256", ...header }, claimsOf(claims), SECRET);
  const answers = [
    await ask(bySecret, withToken(signed)),
    await ask(byPublicKey, withToken(keyToken(rsa, claims, header))),
  ];
  return [...new Set(answers.map(reasonOf))];
}

describe("type jwt", () => {
  it.each([{ jkt: "x" }, { "x5t#S256": "x" }, {}, null])(
    "AUTH-15: refuses a token that is bound to a key, %j",
    async (cnf) => {
      expect(await refusalsOf({ cnf })).toEqual([
        "the token is bound to a key, and no proof of it was sent",
      ]);
    },
  );

  it.each(["logout+jwt", "dpop+jwt", "secevent+jwt", "oauth-authz-req+jwt", 7, null, ["at+jwt"]])(
    "AUTH-15: refuses a token by the type in its header: %j",
    async (typ) => {
      expect(await refusalsOf({}, { typ })).toEqual([NO_ACCESS_TOKEN]);
    },
  );

  it.each([
    ["an ID token with at_hash", { at_hash: "x" }],
    ["an ID token with c_hash", { c_hash: "x" }],
    ["an ID token with a nonce", { nonce: "x" }],
    ["Keycloak's ID token", { typ: "ID", azp: "app", scope: "openid" }],
    ["Keycloak's refresh token", { typ: "Refresh", scope: "openid" }],
    ["Cognito's ID token", { token_use: "id" }],
    ["a refresh token that says so", { token_type: "refresh_token" }],
    ["a refresh token of Django's Simple JWT", { token_type: "refresh", user_id: 7 }],
    ["a refresh token of Flask-JWT-Extended", { type: "refresh", fresh: false }],
    ["a refresh token of Casdoor", { tokenType: "refresh-token" }],
    ["a logout token", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }],
  ])("AUTH-15: refuses %s", async (_what, claims) => {
    expect(await refusalsOf(claims)).toEqual([NO_ACCESS_TOKEN]);
  });

  it.each(["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])(
    "AUTH-15: takes a token whose header says %j",
    async (typ) => {
      const token = keyToken(rsa, {}, { typ });
      expect(principalOfAnswer(await ask(byPublicKey, withToken(token))).id).toBe("alice");
    },
  );

  it("AUTH-15: takes access tokens that carry a nonce, a kind or a token type", async () => {
    for (const claims of [
      { nonce: "x", scp: ["a"] },
      { token_use: "access" },
      { token_type: "Bearer" },
      { token_type: "access" },
      { type: "access", fresh: true },
      { type: "app" },
      { type: "id" },
      { tokenType: "access-token" },
      { typ: "Bearer" },
    ]) {
      const answer = await ask(bySecret, withToken(secretToken(claims)));
      expect(principalOfAnswer(answer).id).toBe("alice");
    }
  });
});

describe("a token that the issuer calls active", () => {
  it.each(["DPoP", "PoP", "mac"])("OAUTH-11: is refused when its type is %s", async (type) => {
    const issuer = await fakeIssuer({});
    const method = oauth(oauthOptions(issuer, { tokenValidation: "introspection" }));
    const answer = await ask(method, withToken(opaqueOf(issuer, { token_type: type })));
    expect(reasonOf(answer)).toMatch(/bound to a key/);
  });

  it.each([
    ["its own claims bind it to a key", { typ: "JWT" }, { cnf: { jkt: "x" } }],
    ["its header says that it is a proof", { typ: "dpop+jwt" }, {}],
    ["its own claims are an ID token's", { typ: "JWT" }, { at_hash: "x" }],
  ])("OAUTH-11: is refused when %s, whatever the answer repeats", async (_what, header, claims) => {
    const issuer = await fakeIssuer({});
    const method = oauth(oauthOptions(issuer, { tokenValidation: "introspection" }));
    const payload = { iss: issuer.url, aud: AUDIENCE, ...claims };
    const token = forgedToken({ alg: "HS256", ...header }, payload, SECRET);
    issuer.tokens.set(token, { active: true, sub: "alice", aud: AUDIENCE });
    expect(reasonOf(await ask(method, withToken(token)))).toMatch(/no access token|bound to a key/);
    expect(issuer.requests).toEqual([]);
  });
});
