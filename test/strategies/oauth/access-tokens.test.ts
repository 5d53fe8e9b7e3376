import { cleanUpAfterEach } from "../../kit/clean-up.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import {
  AUDIENCE,
  fakeIssuer,
  get,
  oauthOptions,
  serveOAuth,
  serveWho,
  tokenOf,
  verdict,
} from "../../kit/resource-server.js";
import { now } from "../../kit/tokens.js";
import { oauth } from "../../../strategies/oauth.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
beforeEach(async () => {
  // The clock stands still, so that a second more or less is never a matter of speed.
  const time = Date.now();
  jest.spyOn(Date, "now").mockReturnValue(time);
  issuer = await fakeIssuer({ path: "/realms/a" });
});

afterEach(() => jest.restoreAllMocks());

/** What a server with these options says of a token with these claims. */
async function judge(
  claims: Record<string, unknown>,
  options: Parameters<typeof serveOAuth>[1] = {},
): Promise<string> {
  return verdict(await get(await serveOAuth(issuer, options), await tokenOf(issuer, claims)));
}

const OTHER_AUDIENCE = "401 invalid_token the token is not meant for this server";
const OTHER_ISSUER = "401 invalid_token the token's issuer is not accepted";
const EXPIRED = "401 invalid_token the token has expired";
const TOO_EARLY = "401 invalid_token the token is not valid yet";

describe("a JWT access token", () => {
  it("OAUTH-7: that is good is let in, with and without the type of RFC 9068", async () => {
    const served = await serveOAuth(issuer);
    for (const typ of ["at+jwt", "application/at+jwt", "AT+JWT", "JWT", undefined]) {
      const token = await tokenOf(issuer, {}, { header: { typ } });
      expect(verdict(await get(served, token))).toBe("200");
    }
  });

  it.each(["RS256", "ES256"] as const)("OAUTH-7: may be signed with %s", async (alg) => {
    expect(verdict(await get(await serveOAuth(issuer), await tokenOf(issuer, {}, { alg })))).toBe(
      "200",
    );
  });

  it.each<[string, (right: FakeIssuer) => unknown]>([
    ["another issuer", () => "https://evil.example"],
    ["a longer path", ({ url }) => `${url}/more`],
    ["another case", ({ url }) => url.replace("realms", "REALMS")],
    ["with two slashes at the end", ({ url }) => `${url}//`],
    ["without its path", ({ origin }) => origin],
    ["a number", () => 7],
    ["a list with the right one", ({ url }) => [url]],
    ["missing", () => undefined],
  ])("OAUTH-7: is refused when its iss is %s", async (_what, iss) => {
    expect(await judge({ iss: iss(issuer) })).toBe(OTHER_ISSUER);
  });

  it("OAUTH-7: names the issuer as published, not as configured, down to the slash", async () => {
    issuer.metadata = { issuer: `${issuer.url}/` };

    expect(await judge({ iss: `${issuer.url}/` })).toBe("200");
    expect(await judge({ iss: issuer.url })).toBe(OTHER_ISSUER);
  });

  it("OAUTH-9: needs an expiry that is a number", async () => {
    expect(await judge({ exp: undefined })).toBe("401 invalid_token the token has no expiry");
    expect(await judge({ exp: "tomorrow" })).toMatch(/^401 invalid_token .*malformed/);
  });

  it.each([
    ["has expired, within the tolerance", { exp: -9 }, "200"],
    ["has expired, at the end of the tolerance", { exp: -10 }, EXPIRED],
    ["begins later, within the tolerance", { nbf: 10 }, "200"],
    ["begins later, beyond the tolerance", { nbf: 11 }, TOO_EARLY],
  ])("OAUTH-9: that %s, 10 seconds by default", async (_what, times, expected) => {
    const claims = Object.entries(times).map(([name, offset]) => [name, now() + offset]);

    expect(await judge(Object.fromEntries(claims))).toBe(expected);
  });

  it("OAUTH-9: is judged with the tolerance that is configured", async () => {
    expect(await judge({ exp: now() - 50 }, { clockTolerance: 60 })).toBe("200");
    expect(await judge({ nbf: now() + 50 }, { clockTolerance: 60 })).toBe("200");
    expect(await judge({ exp: now() - 1 }, { clockTolerance: 0 })).toBe(EXPIRED);
    expect(await judge({ nbf: now() + 2 }, { clockTolerance: 0 })).toBe(TOO_EARLY);
  });

  it("OAUTH-9: is not judged by when it says it was issued", async () => {
    expect(await judge({ iat: now() + 3600 })).toBe("200");
    expect(await judge({ iat: undefined })).toBe("200");
  });
});

describe("the audience of a token", () => {
  it.each([
    ["the text itself", AUDIENCE],
    ["a list with it", ["https://other.example", AUDIENCE]],
  ])("OAUTH-8: may be %s", async (_what, aud) => {
    expect(await judge({ aud })).toBe("200");
  });

  it.each([
    ["missing", undefined],
    ["another", "https://other.example"],
    ["its beginning", AUDIENCE.slice(0, -1)],
    ["longer", `${AUDIENCE}/`],
    ["in another case", AUDIENCE.toUpperCase()],
    ["an empty list", []],
    ["a list of others", ["https://other.example"]],
    ["an object that reads like it", { toString: AUDIENCE }],
    ["a list in a list", [[AUDIENCE]]],
  ])("OAUTH-8: is refused when it is %s", async (_what, aud) => {
    expect(await judge({ aud })).toBe(OTHER_AUDIENCE);
  });

  it("OAUTH-8: needs to be one of those configured", async () => {
    const audience = ["api://one", "api://two"];

    expect(await judge({ aud: "api://two" }, { audience })).toBe("200");
    expect(await judge({ aud: ["api://three", "api://one"] }, { audience })).toBe("200");
    expect(await judge({ aud: AUDIENCE }, { audience })).toBe(OTHER_AUDIENCE);
  });

  it("OAUTH-8: is shown to a function as a list, with all claims", async () => {
    const audience = jest.fn((list: readonly string[]) => list.includes("a"));

    expect(await judge({ aud: ["a", "b"], tid: "t" }, { audience })).toBe("200");
    expect(await judge({ aud: "b" }, { audience })).toBe(OTHER_AUDIENCE);
    expect(await judge({ aud: undefined }, { audience })).toBe(OTHER_AUDIENCE);
    expect(audience.mock.calls.map(([list]) => list)).toEqual([["a", "b"], ["b"], []]);
    expect(audience.mock.calls[0]).toMatchObject([["a", "b"], { tid: "t", sub: "user-1" }]);
  });

  it("OAUTH-8: is not accepted when the function answers anything but true", async () => {
    for (const answer of [Promise.resolve(false), Promise.resolve(true), "false", 1, undefined]) {
      expect(await judge({}, { audience: () => answer as never })).toBe(OTHER_AUDIENCE);
    }
  });

  it("OAUTH-8: is nobody's fault when the function throws", async () => {
    const audience = () => {
      throw new Error("no database");
    };

    expect(await judge({}, { audience })).toBe("503 temporarily_unavailable");
  });

  it("OAUTH-8: is the endpoint's own URL when none is configured", async () => {
    const auth = { type: "oauth", options: oauthOptions(issuer, { audience: undefined }) } as const;
    const served = await serveWho(auth, { publicUrl: "https://mcp.example.com" });

    expect(verdict(await get(served, await tokenOf(issuer)))).toBe("200");
    expect(verdict(await get(served, await tokenOf(issuer, { aud: served.sseUrl })))).toBe(
      OTHER_AUDIENCE,
    );
  });

  it("OAUTH-8: must be configured where the endpoint's own URL is not known", async () => {
    const auth = { type: "oauth", options: oauthOptions(issuer, { audience: undefined }) } as const;

    await expect(serveWho(auth)).rejects.toThrow(/auth\.options\.audience is missing.*publicUrl/);
    expect(() => oauth({ ...oauthOptions(issuer), audience: undefined as never })).toThrow(
      /audience is undefined/,
    );
  });

  it("OAUTH-8: is in client_id only where the configuration says so", async () => {
    const token = { aud: undefined, client_id: "app-1", token_use: "access" };

    expect(await judge(token, { audience: "app-1" })).toBe(OTHER_AUDIENCE);
    expect(await judge(token, { audience: "app-1", audienceClaim: "client_id" })).toBe("200");
    expect(await judge(token, { audience: "app-2", audienceClaim: "client_id" })).toBe(
      OTHER_AUDIENCE,
    );
    const incomplete = oauthOptions(issuer, { audience: undefined, audienceClaim: "client_id" });
    expect(() => oauth(incomplete, "auth.options", { resource: AUDIENCE })).toThrow(
      /audience is missing, and audienceClaim/,
    );
  });
});

describe("the algorithm of a token", () => {
  const NOT_ISSUERS = "401 invalid_token the token's algorithm is not one of its issuer's";
  const NOT_ALLOWED = "401 invalid_token the token's algorithm is not allowed";

  async function judgeAlg(
    published: readonly string[] | undefined,
    algorithms: readonly ("RS256" | "ES256")[] | undefined,
  ): Promise<readonly string[]> {
    issuer.metadata = { id_token_signing_alg_values_supported: published };
    const served = await serveOAuth(issuer, { algorithms });
    const rsa = await get(served, await tokenOf(issuer, {}, { alg: "RS256" }));
    const ec = await get(served, await tokenOf(issuer, {}, { alg: "ES256" }));
    return [verdict(rsa), verdict(ec)];
  }

  it.each([
    ["neither limits it", undefined, undefined, ["200", "200"]],
    ["the metadata names both", ["ES256", "RS256"], undefined, ["200", "200"]],
    ["the metadata names one", ["RS256", "HS256"], undefined, ["200", NOT_ISSUERS]],
    ["the configuration names one", undefined, ["ES256"] as const, [NOT_ALLOWED, "200"]],
    ["they name different ones", ["RS256"], ["ES256"] as const, [NOT_ALLOWED, NOT_ISSUERS]],
    ["an empty list says nothing", [], undefined, ["200", "200"]],
  ])("OAUTH-7: is one that metadata and configuration share: %s", async (_w, meta, own, is) => {
    expect(await judgeAlg(meta, own)).toEqual(is);
  });

  it("OAUTH-7: is never a symmetric one, whatever the metadata and the configuration say", () => {
    for (const algorithms of [["HS256"], ["none"], ["RS256", "HS512"], []]) {
      expect(() => oauth(oauthOptions(issuer, { algorithms: algorithms as never }))).toThrow(
        /algorithms/,
      );
    }
  });
});
