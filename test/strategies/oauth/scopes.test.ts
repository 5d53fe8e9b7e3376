import { oauth } from "../../../strategies/oauth.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { bearer } from "../../kit/tokens.js";
import {
  fakeIssuer,
  get,
  oauthOptions,
  opaqueOf,
  serveOAuth,
  tokenOf,
  verdict,
} from "../../kit/resource-server.js";
import { initialize, openSession, post } from "../../kit/raw-sse.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
beforeEach(async () => {
  issuer = await fakeIssuer();
});

const scopes = ["mcp:read", "mcp:write"];

describe("scopes", () => {
  it("OAUTH-13: a token with all of them is let in, whatever else it permits", async () => {
    const served = await serveOAuth(issuer, { scopes });

    for (const scope of ["mcp:read mcp:write", "mcp:write openid mcp:read"]) {
      expect((await get(served, await tokenOf(issuer, { scope }))).status).toBe(200);
      expect((await get(served, opaqueOf(issuer, { scope }))).status).toBe(200);
    }
  });

  it.each([
    ["no scopes", undefined],
    ["an empty one", ""],
    ["one of them", "mcp:read"],
    ["longer names", "mcp:read:all mcp:write:all"],
    ["shorter names", "mcp mcp:"],
    ["other case", "MCP:READ MCP:WRITE"],
    ["names that run together", "mcp:readmcp:write"],
    ["a wildcard", "* mcp:*"],
  ])(
    "OAUTH-13: a token with %s gets 403, and hears of all that are needed",
    async (_what, scope) => {
      const served = await serveOAuth(issuer, { scopes });
      for (const token of [await tokenOf(issuer, { scope }), opaqueOf(issuer, { scope })]) {
        const answer = await get(served, token);

        expect(answer.status).toBe(403);
        expect(answer.headers["www-authenticate"]).toBe(
          'Bearer realm="mcp", error="insufficient_scope", scope="mcp:read mcp:write", ' +
            `resource_metadata="${served.origin}/.well-known/oauth-protected-resource/sse"`,
        );
        expect(answer.json).toEqual({
          error: "insufficient_scope",
          error_description: "The credential lacks a scope. Needed: mcp:read mcp:write.",
        });
      }
    },
  );

  it("OAUTH-13: are named in the first 401 too, because clients ask for those and never for more", async () => {
    const { headers } = await get(await serveOAuth(issuer, { scopes }));

    expect(headers["www-authenticate"]).toMatch(/^Bearer [^\n]*scope="mcp:read mcp:write"/);
  });

  it("OAUTH-13: an expired token without them is expired, so that it is refreshed", async () => {
    const served = await serveOAuth(issuer, { scopes });

    expect(verdict(await get(served, await tokenOf(issuer, { exp: 1 })))).toBe(
      "401 invalid_token the token has expired",
    );
  });

  it("OAUTH-13: are judged on every POST, by the token of that POST", async () => {
    const served = await serveOAuth(issuer, { scopes });
    const wide = bearer(await tokenOf(issuer, { scope: scopes.join(" ") }));
    const narrow = bearer(await tokenOf(issuer, { scope: "mcp:read" }));
    const { postUrl } = await openSession(served.sseUrl, wide);

    expect((await post(postUrl, initialize, narrow)).status).toBe(403);
    expect((await post(postUrl, initialize, wide)).status).toBe(202);
  });

  it("OAUTH-13: without any, every token is let in", async () => {
    const served = await serveOAuth(issuer);
    expect((await get(served, await tokenOf(issuer))).status).toBe(200);
    expect((await get(served)).headers["www-authenticate"]).not.toContain("scope=");
  });

  it.each([[[]], [["two words"]], [[""]], ["mcp:read mcp:write"]])(
    "OAUTH-13: %j is no list of scopes",
    (wrong) => {
      expect(() => oauth(oauthOptions(issuer, { scopes: wrong as never }))).toThrow(/scopes/);
    },
  );
});

describe("satisfiesScope", () => {
  it("OAUTH-13: lets a scope cover others, and is asked about each that is needed", async () => {
    const satisfiesScope = jest.fn(
      (required: string, granted: readonly string[]) =>
        granted.includes(required) || granted.includes("mcp:admin"),
    );
    const served = await serveOAuth(issuer, { scopes, satisfiesScope });

    expect((await get(served, await tokenOf(issuer, { scope: "mcp:admin" }))).status).toBe(200);
    expect(satisfiesScope.mock.calls).toEqual(scopes.map((scope) => [scope, ["mcp:admin"]]));
    expect((await get(served, await tokenOf(issuer, { scope: "mcp:read" }))).status).toBe(403);
  });

  it.each([
    ["a promise of true", () => Promise.resolve(true)],
    ["a promise of false", () => Promise.resolve(false)],
    ["text", () => "yes"],
    ["nothing", () => undefined],
  ])("OAUTH-13: grants nothing when it answers %s", async (_what, satisfiesScope) => {
    const served = await serveOAuth(issuer, { scopes, satisfiesScope: satisfiesScope as never });
    const token = await tokenOf(issuer, { scope: scopes.join(" ") });

    expect((await get(served, token)).status).toBe(403);
  });

  it("OAUTH-13: refuses with 503 when it throws, and logs no more than the kind of error", async () => {
    const served = await serveOAuth(issuer, {
      scopes,
      satisfiesScope: (_required, granted) => {
        throw new RangeError(`no rule for ${granted.join()}`);
      },
    });

    const answer = await get(served, await tokenOf(issuer, { scope: "mcp:secret-project" }));

    expect(verdict(answer)).toBe("503 temporarily_unavailable");
    expect(answer.headers["retry-after"]).toBe("5");
    expect(served.lines.join()).toContain("RangeError");
    expect(served.lines.join()).not.toContain("secret-project");
  });

  it("OAUTH-13: must be a function", () => {
    expect(() => oauth(oauthOptions(issuer, { satisfiesScope: true as never }))).toThrow(
      /satisfiesScope must be a function/,
    );
  });
});
