import { createPublicKey } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import { oauth } from "../../../strategies/oauth.js";
import type { Served } from "../../kit/serve.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { secret } from "../../kit/leak-watch.js";
import {
  AUDIENCE,
  CLIENT,
  fakeIssuer,
  get,
  oauthFor,
  oauthOptions,
  opaqueOf,
  serveOAuth,
  serveWho,
  tokenOf,
  verdict,
} from "../../kit/resource-server.js";
import { bearer, now, forgedToken } from "../../kit/tokens.js";
import { send } from "../../kit/raw-http.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
let served: Served;
beforeEach(async () => {
  issuer = await fakeIssuer({ path: "/realms/a" });
  served = await serveOAuth(issuer);
});

/** The answer to a token, which is a 401 that says why in all three places. */
async function refusalOf(token: string, at: Served = served): Promise<string> {
  const answer = await get(at, token);
  const reason = /^401 invalid_token (.*)$/.exec(verdict(answer))?.[1];
  const challenge = answer.headers["www-authenticate"] ?? "";
  expect(answer.status).toBe(401);
  expect(challenge).toMatch(/^Bearer realm="mcp", error="invalid_token", error_description="/);
  expect(challenge).toContain(`error_description="${reason ?? ""}"`);
  expect(at.lines.at(-1)).toContain(`401 invalid_token: ${reason ?? ""}`);
  return reason ?? "";
}

const NO_ACCESS_TOKEN = "that is no access token";

describe("another kind of token instead of an access token", () => {
  it.each([
    ["an ID token with at_hash", { at_hash: "x" }],
    ["an ID token with c_hash", { c_hash: "x" }],
    ["an ID token with a nonce", { nonce: "x" }],
    ["Keycloak's ID token", { typ: "ID", azp: "app", scope: "openid" }],
    ["Keycloak's refresh token", { typ: "Refresh", scope: "openid" }],
    ["Keycloak's offline token", { typ: "Offline", scope: "openid" }],
    ["Cognito's ID token", { token_use: "id", "cognito:username": "alice" }],
    ["a refresh token that says so", { token_type: "refresh_token" }],
    ["a logout token", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }],
  ])("OAUTH-11: is refused: %s", async (_what, claims) => {
    expect(await refusalOf(await tokenOf(issuer, claims))).toBe(NO_ACCESS_TOKEN);
  });

  it.each([{ jkt: "x" }, { "x5t#S256": "x" }])(
    "OAUTH-11: is refused: a token bound to a key, %j",
    async (cnf) => {
      expect(await refusalOf(await tokenOf(issuer, { cnf }))).toMatch(/bound to a key/);
    },
  );

  it.each(["logout+jwt", "dpop+jwt", "secevent+jwt", 7, ["at+jwt"]])(
    "OAUTH-11: is refused by the type in its header: %j",
    async (typ) => {
      const header = { alg: "RS256", kid: "RS256-1", typ };
      const good = await tokenOf(issuer);
      const token = [encode(header), good.split(".")[1], good.split(".")[2]].join(".");
      expect(await refusalOf(token)).toBe(NO_ACCESS_TOKEN);
    },
  );

  it("OAUTH-11: is refused when its audience is that of access tokens too, this server's client id", async () => {
    const { clientId } = CLIENT;
    const same = await serveOAuth(issuer, { audience: [clientId, AUDIENCE] });
    const profile = { aud: clientId, azp: clientId, email: "a@b.example", roles: ["a"] };

    expect(await refusalOf(await tokenOf(issuer, profile), same)).toBe(NO_ACCESS_TOKEN);
    expect(await refusalOf(await tokenOf(issuer, { ...profile, aud: [clientId] }), same)).toBe(
      NO_ACCESS_TOKEN,
    );
    for (const claims of [{ scope: "a" }, { scp: "a" }, { azpacr: "1" }, { client_id: "app" }]) {
      const token = await tokenOf(issuer, { ...profile, ...claims });
      expect(verdict(await get(same, token))).toBe("200");
    }
    expect(verdict(await get(same, await tokenOf(issuer, { email: "a@b.example" })))).toBe("200");
  });

  it("OAUTH-11: is refused when it is for the client of the one who signed in", async () => {
    const idToken = await tokenOf(issuer, { aud: "app-1", azp: "app-1", email: "a@b.example" });
    expect(await refusalOf(idToken)).toBe("the token is not meant for this server");
  });

  it("OAUTH-11: is refused when the issuer calls a refresh token active", async () => {
    const refresh = opaqueOf(issuer, { aud: undefined, scope: "mcp:read", client_id: "app" });
    expect(await refusalOf(refresh)).toBe("the token is not meant for this server");
    expect(await refusalOf(opaqueOf(issuer, { token_type: "refresh_token" }))).toBe(
      NO_ACCESS_TOKEN,
    );
    expect(await refusalOf(opaqueOf(issuer, { typ: "Refresh" }))).toBe(NO_ACCESS_TOKEN);
  });
});

describe("a token of somebody else", () => {
  it("OAUTH-7: another issuer's, with the same key id, is refused before anyone is asked", async () => {
    const evil = await fakeIssuer();
    const token = await tokenOf(evil);

    expect(await refusalOf(token)).toBe("the token's issuer is not accepted");
    expect(issuer.requests.length + evil.requests.length).toBe(0);
  });

  it("OAUTH-7: one that another key with the same id signed in the issuer's name is refused", async () => {
    const evil = await fakeIssuer();
    const token = await tokenOf(evil, { iss: issuer.url });

    expect(await refusalOf(token)).toBe("the token's signature is wrong");
    expect(evil.requests).toHaveLength(0);
  });

  it("OAUTH-7: the header cannot say where the keys are", async () => {
    const evil = await fakeIssuer();
    const { keys } = await evil.jwks();
    for (const header of [{ jku: `${evil.url}/jwks` }, { jwk: keys[0] }, { x5u: evil.url }]) {
      const token = await tokenOf(evil, { iss: issuer.url }, { header });
      expect(await refusalOf(token)).toBe("the token's signature is wrong");
    }
    expect(evil.requests).toHaveLength(0);
  });

  it("OAUTH-7: one without key id is refused when several keys could verify it", async () => {
    await issuer.rotateKeys({ keepOld: true });
    const token = await tokenOf(issuer, {}, { header: { kid: undefined } });
    expect(await refusalOf(token)).toBe("the token names no key, and its issuer has several");

    issuer.publishKeys(["RS256-2"]);
    expect(verdict(await get(await serveOAuth(issuer), token))).toBe("200");
  });

  it("OAUTH-7: one that was signed with the public key as a secret is refused", async () => {
    const [jwk] = (await issuer.jwks()).keys;
    const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
    const claims = { iss: issuer.url, sub: "alice", aud: AUDIENCE, exp: now() + 300 };
    for (const text of [key.export({ format: "pem", type: "spki" }), JSON.stringify(jwk)]) {
      const token = jsonwebtoken.sign(claims, text, { algorithm: "HS256", keyid: "RS256-1" });
      expect(await refusalOf(token)).toBe("the token's algorithm is not allowed");
    }
    expect(issuer.requestsTo("jwks")).toHaveLength(0);
  });

  it.each(["none", "None", "NONE"])("OAUTH-7: alg %s is refused", async (alg) => {
    const claims = { iss: issuer.url, sub: "alice", aud: AUDIENCE, exp: now() + 300 };
    expect(await refusalOf(forgedToken({ alg }, claims))).toBe(
      "the token's algorithm is not allowed",
    );
    expect(issuer.requestsTo("introspection")).toHaveLength(0);
  });

  it("OAUTH-7: a forged one learns nothing of what the server expects", async () => {
    const forged = (claims: object): string =>
      [
        encode({ alg: "RS256", kid: "RS256-1", typ: "at+jwt" }),
        encode({ iss: issuer.url, sub: "alice", ...claims }),
        "AAAA",
      ].join(".");
    const guesses = [{ aud: AUDIENCE }, { aud: "x" }, { exp: 1 }, { scope: "a" }, { nonce: "x" }];

    const answers = await Promise.all(guesses.map(async (each) => await get(served, forged(each))));

    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(verdict(answers[0]!)).toBe("401 invalid_token the token's signature is wrong");
  });
});

describe("a token in the URL", () => {
  const IN_URL = "an access token must not be in the URL";

  it.each(["access_token", "access%5Ftoken"])(
    "OAUTH-12: is refused as %s, whatever it is, and whatever else is sent",
    async (name) => {
      const good = secret(await tokenOf(issuer));
      for (const [query, header] of [
        [good, undefined],
        [good, good],
        ["anything", good],
        ["", good],
      ] as const) {
        const answer = await get(served, header, `?${name}=${query}`);
        expect(verdict(answer)).toBe(`401 invalid_token ${IN_URL}`);
        expect(answer.headers["www-authenticate"]).toContain(
          `error="invalid_token", error_description="${IN_URL}"`,
        );
      }
      expect(issuer.requests).toHaveLength(0);
    },
  );

  it("OAUTH-12: is refused on a POST as well", async () => {
    const good = secret(await tokenOf(issuer));
    const answer = await send(`${served.messagesUrl}?sessionId=x&access_token=${good}`, {
      method: "POST",
      headers: bearer(good),
    });
    expect(verdict(answer)).toBe(`401 invalid_token ${IN_URL}`);
  });

  it("OAUTH-12: is gone from the URL that other middleware sees afterwards", async () => {
    const urls: string[] = [];
    const watched = await serveWho(oauthFor(issuer), {
      before: [
        (req, res, next) => {
          res.on("finish", () => {
            urls.push(req.url, req.originalUrl, JSON.stringify(req.query));
          });
          next();
        },
      ],
    });
    const good = secret(await tokenOf(issuer));

    await get(watched, undefined, `?a=1&access_token=${good}`);

    expect(urls.slice(0, 2)).toEqual(Array(2).fill("/sse?a=1&access_token=REDACTED"));
    expect(urls.join()).not.toContain(good);
  });
});

describe("an issuer that is not to be trusted", () => {
  it.each(["jwks_uri", "introspection_endpoint", "token_endpoint"])(
    "OAUTH-1: is not used when it publishes a plain http URL on another host as its %s",
    async (name) => {
      issuer.metadata = { [name]: "http://elsewhere.example/x" };

      for (const token of [await tokenOf(issuer), opaqueOf(issuer)]) {
        const answer = await get(served, token);
        expect(verdict(answer)).toBe("503 temporarily_unavailable");
        expect(answer.text).not.toContain("elsewhere");
      }
      expect(served.lines.at(-1)).toContain(`unsafe URL as its ${name}`);
    },
  );

  it.each([
    ["a query", "https://auth.example/?a=1"],
    ["an empty query", "https://auth.example?"],
    ["a fragment", "https://auth.example/#a"],
    ["an empty fragment", "https://auth.example#"],
  ])("OAUTH-1: cannot be configured with %s", (_what, url) => {
    expect(() => oauth(oauthOptions({ url }))).toThrow(TypeError);
    expect(() => oauth(oauthOptions({ url }))).toThrow(/issuerUrl has a query or a fragment/);
  });
});

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
