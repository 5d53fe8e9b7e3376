import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { faults } from "../../kit/fake-issuer.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { secret } from "../../kit/leak-watch.js";
import {
  AUDIENCE,
  fakeIssuer,
  get,
  opaqueOf,
  serveOAuth,
  tokenOf,
  verdict,
  who,
} from "../../kit/resource-server.js";
import { bearer, now } from "../../kit/tokens.js";
import { initialize, openSession, post } from "../../kit/raw-sse.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
beforeEach(async () => {
  issuer = await fakeIssuer();
});

const asked = () => issuer.requestsTo("introspection").length;

describe("an opaque token", () => {
  it("OAUTH-10: is let in when the issuer says that it is active", async () => {
    const token = opaqueOf(issuer, { scope: "mcp:read", client_id: "app", username: "u" });

    expect(await who(await serveOAuth(issuer), token)).toMatchObject({
      ...{ id: "user-1", method: "oauth", issuer: issuer.url, clientId: "app" },
      scopes: ["mcp:read"],
      claims: { username: "u", aud: AUDIENCE },
    });
  });

  it.each([
    [
      "inactive",
      { active: false },
      "401 invalid_token the issuer says that the token is not active",
    ],
    [
      "of another issuer",
      { iss: "https://evil.example" },
      "401 invalid_token the token's issuer is not accepted",
    ],
    [
      "for another audience",
      { aud: "https://other.example" },
      "401 invalid_token the token is not meant for this server",
    ],
    ["for nobody", { aud: undefined }, "401 invalid_token the token is not meant for this server"],
    ["expired", { exp: now() - 60 }, "401 invalid_token the token has expired"],
    ["of the future", { nbf: now() + 60 }, "401 invalid_token the token is not valid yet"],
    [
      "with an expiry that is text",
      { exp: "2099" },
      "401 invalid_token the token's expiry is malformed",
    ],
    [
      "with a start that is text",
      { nbf: "2099" },
      "401 invalid_token the token's start is malformed",
    ],
    ["without active", { active: undefined }, "503 temporarily_unavailable"],
    ["with active as text", { active: "true" }, "503 temporarily_unavailable"],
  ])("OAUTH-10: is refused when the issuer says that it is %s", async (_what, claims, expected) => {
    expect(verdict(await get(await serveOAuth(issuer), opaqueOf(issuer, claims)))).toBe(expected);
  });

  it.each([
    ["names this issuer", (): object => ({ iss: issuer.url })],
    ["names no issuer", (): object => ({ iss: undefined })],
    ["names no expiry", (): object => ({ exp: undefined })],
    ["has expired within the tolerance", (): object => ({ exp: now() - 5 })],
    ["names several audiences", (): object => ({ aud: ["x", AUDIENCE] })],
  ])("OAUTH-10: is let in when the answer %s", async (_what, claims) => {
    const token = opaqueOf(issuer, { ...claims() });
    expect(verdict(await get(await serveOAuth(issuer), token))).toBe("200");
  });

  it("OAUTH-10: is asked about in the way that the issuer's metadata names", async () => {
    for (const method of ["client_secret_basic", "client_secret_post"]) {
      issuer.metadata = { introspection_endpoint_auth_methods_supported: [method] };
      expect(verdict(await get(await serveOAuth(issuer), opaqueOf(issuer)))).toBe("200");
    }
    const [basic, post] = issuer.requestsTo("introspection");
    expect(basic?.headers.authorization).toMatch(/^Basic /);
    expect(post?.headers.authorization).toBeUndefined();
    expect(post?.form.has("client_secret")).toBe(true);
  });

  it("OAUTH-10: that was revoked stays good for introspectionCacheMs, and not with 0", async () => {
    const [cached, uncached] = [
      await serveOAuth(issuer),
      await serveOAuth(issuer, { introspectionCacheMs: 0 }),
    ];
    const token = opaqueOf(issuer);
    for (const served of [cached, uncached]) expect((await get(served, token)).status).toBe(200);

    issuer.tokens.delete(token);

    expect((await get(cached, token)).status).toBe(200);
    expect((await get(uncached, token)).status).toBe(401);
  });

  it("KNOWN-4: that was revoked is refused on the next POST of its session", async () => {
    const served = await serveOAuth(issuer, { introspectionCacheMs: 0 });
    const headers = bearer(opaqueOf(issuer));
    const { postUrl } = await openSession(served.sseUrl, headers);
    expect((await post(postUrl, initialize, headers)).status).toBe(202);
    issuer.tokens.clear();
    expect((await post(postUrl, initialize, headers)).status).toBe(401);
  });

  it("OAUTH-10: is asked about once for all requests that come together", async () => {
    const served = await serveOAuth(issuer);
    const token = opaqueOf(issuer);
    const release = issuer.hold("introspection");
    const requests = Array.from({ length: 20 }, async () => await who(served, token));
    await issuer.received("introspection");
    release();

    const callers = await Promise.all(requests);

    expect(callers.map(({ id }) => id as string)).toEqual(Array(20).fill("user-1"));
    expect(asked()).toBe(1);
  });
});

describe("tokenValidation", () => {
  it("OAUTH-10: auto verifies a JWT with keys, and asks about every other token", async () => {
    const served = await serveOAuth(issuer, { tokenValidation: "auto" });

    expect((await get(served, await tokenOf(issuer))).status).toBe(200);
    expect(asked()).toBe(0);
    expect((await get(served, opaqueOf(issuer))).status).toBe(200);
    expect(asked()).toBe(1);
  });

  it("OAUTH-10: auto asks about a JWT too when the issuer publishes no keys", async () => {
    issuer.metadata = { jwks_uri: undefined };
    const token = await tokenOf(issuer);
    issuer.tokens.set(token, { active: true, sub: "user-1", aud: AUDIENCE });

    expect((await get(await serveOAuth(issuer), token)).status).toBe(200);
    expect(asked()).toBe(1);
  });

  it("OAUTH-10: jwt never asks about a token", async () => {
    const served = await serveOAuth(issuer, { tokenValidation: "jwt" });

    expect(verdict(await get(served, opaqueOf(issuer)))).toBe(
      "401 invalid_token the token is malformed",
    );
    expect((await get(served, await tokenOf(issuer))).status).toBe(200);
    expect(asked()).toBe(0);
  });

  it("OAUTH-10: introspection asks about each, so that a revoked JWT is refused", async () => {
    const served = await serveOAuth(issuer, { tokenValidation: "introspection" });
    const token = await tokenOf(issuer);

    expect(verdict(await get(served, token))).toBe(
      "401 invalid_token the issuer says that the token is not active",
    );
    expect(asked()).toBe(1);
  });

  it("OAUTH-10: introspection does not show the issuer a JWT that names another", async () => {
    const served = await serveOAuth(issuer, { tokenValidation: "introspection" });
    const token = await tokenOf(issuer, { iss: "https://elsewhere.example" });

    expect(verdict(await get(served, token))).toBe(
      "401 invalid_token the token's issuer is not accepted",
    );
    expect(issuer.requests).toHaveLength(0);
  });
});

describe("a flood of tokens", () => {
  it("OAUTH-19: a token that is too long is refused before anyone is asked", async () => {
    const token = secret("x".repeat(65_537));
    const served = await serveOAuth(issuer, {}, { maxHeaderSize: 262_144 });

    expect((await get(served, token)).status).toBe(401);
    expect(issuer.requests).toHaveLength(0);
  });

  it("OAUTH-19: an invented one is asked about once, however often it comes", async () => {
    const served = await serveOAuth(issuer);
    for (let count = 0; count < 10; count++) {
      expect((await get(served, "invented-token")).status).toBe(401);
    }
    expect(asked()).toBe(1);
  });

  it("OAUTH-19: invented ones keep 64 questions open at most; who comes then is told to come back", async () => {
    const served = await serveOAuth(issuer, {}, { throttle: false });
    const known = opaqueOf(issuer);
    await get(served, known);
    const release = issuer.hold("introspection");
    const flood = Array.from(
      { length: 64 },
      async (_, index) => await get(served, `invented-token-${index}`),
    );
    await issuer.received("introspection", 65);

    const late = await get(served, "invented-token-64");
    expect(verdict(late)).toBe("503 temporarily_unavailable");
    expect(late.headers["retry-after"]).toBe("1");
    // Who is known, and who joins a question that is open, is not turned away.
    expect((await get(served, known)).status).toBe(200);
    const joined = get(served, "invented-token-0");
    expect((await get(served, await tokenOf(issuer))).status).toBe(200);
    expect(asked()).toBe(65);

    release();
    expect((await joined).status).toBe(401);
    for (const answer of await Promise.all(flood)) expect(answer.status).toBe(401);
    expect((await get(served, opaqueOf(issuer))).status).toBe(200);
  });

  it("OAUTH-19: JWTs that name the issuer and invented keys cause one request for keys", async () => {
    const served = await serveOAuth(issuer);
    await get(served, await tokenOf(issuer));
    for (let count = 0; count < 10; count++) {
      const token = await tokenOf(issuer, {}, { header: { kid: `invented-${count}` } });
      expect((await get(served, token)).status).toBe(401);
    }
    expect(issuer.requestsTo("jwks")).toHaveLength(1);
    expect(asked()).toBe(0);
  });
});

it("OAUTH-10: an answer that is a redirect, or no JSON, judges nobody", async () => {
  const served = await serveOAuth(issuer);
  const token = opaqueOf(issuer);
  for (const fault of [faults.redirect("http://127.0.0.1:9/"), faults.invalidJson()]) {
    issuer.fail("introspection", fault);
    expect(verdict(await get(served, token))).toBe("503 temporarily_unavailable");
  }
  issuer.heal();
  expect(verdict(await get(served, token))).toBe("200");
});
