import { cleanUpAfterEach } from "../../kit/clean-up.js";
import type { Served } from "../../kit/serve.js";
import { faults } from "../../kit/fake-issuer.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { bearer, now } from "../../kit/tokens.js";
import {
  fakeIssuer,
  get,
  oauthFor,
  opaqueOf,
  serveWho,
  tokenOf,
  verdict,
  who,
} from "../../kit/resource-server.js";
import { openSession, post, initialize } from "../../kit/raw-sse.js";
import { send } from "../../kit/raw-http.js";

cleanUpAfterEach();

let a: FakeIssuer;
let b: FakeIssuer;
let served: Served;
beforeEach(async () => {
  [a, b] = [await fakeIssuer({ path: "/a" }), await fakeIssuer({ path: "/b" })];
  served = await serveWho([oauthFor(a, { scopes: ["read:a"] }), oauthFor(b)]);
});

const ofA = (claims = {}) => tokenOf(a, { scope: "read:a", ...claims });

describe("several issuers", () => {
  it("OAUTH-14: are all listed in the metadata", async () => {
    const { json } = await send(`${served.origin}/.well-known/oauth-protected-resource/sse`);

    expect((json as { authorization_servers: string[] }).authorization_servers).toEqual([
      a.url,
      b.url,
    ]);
  });

  it("OAUTH-14: each judges the tokens that name it, and the other one is not asked", async () => {
    expect(await who(served, await ofA())).toMatchObject({ id: "user-1", issuer: a.url });
    expect(b.requests).toHaveLength(0);

    const asked = a.requests.length;
    expect(await who(served, await tokenOf(b))).toMatchObject({ id: "user-1", issuer: b.url });
    expect(a.requests).toHaveLength(asked);
  });

  it.each([
    ["the first", () => ofA({ exp: now() - 60 })],
    ["the second", () => tokenOf(b, { exp: now() - 60 })],
  ])("OAUTH-14: the reason of a refusal is that of the one that is named: %s", async (_w, make) => {
    expect(verdict(await get(served, await make()))).toBe(
      "401 invalid_token the token has expired",
    );
  });

  it("OAUTH-14: a token that names neither is refused, and nobody is asked", async () => {
    const stranger = await fakeIssuer();

    expect(verdict(await get(served, await tokenOf(stranger)))).toBe(
      "401 invalid_token the token's issuer is not accepted",
    );
    expect(a.requests.length + b.requests.length + stranger.requests.length).toBe(0);
  });

  it("OAUTH-14: an outage of one does not turn away the callers of the other", async () => {
    a.fail("metadata", faults.status(500));

    expect(verdict(await get(served, await ofA()))).toBe("503 temporarily_unavailable");
    expect(verdict(await get(served, await tokenOf(b)))).toBe("200");
    expect(verdict(await get(served, await tokenOf(b, { exp: 1 })))).toMatch(/^401 .*expired$/);
  });

  it("OAUTH-14: cannot sign for each other", async () => {
    expect(verdict(await get(served, await tokenOf(a, { iss: b.url })))).toBe(
      "401 invalid_token the token's signature is wrong",
    );
  });

  it("OAUTH-14: an opaque token is shown to neither", async () => {
    expect(verdict(await get(served, opaqueOf(b)))).toBe(
      "401 invalid_token the token is malformed",
    );
    expect(a.requests.length + b.requests.length).toBe(0);
  });

  it("OAUTH-13: a refusal for a scope names the scopes of the issuer that is named", async () => {
    const both = await serveWho([
      oauthFor(a, { scopes: ["read:a"] }),
      oauthFor(b, { scopes: ["read:b", "write:b"] }),
    ]);
    const answer = await get(both, await tokenOf(b, { scope: "read:b" }));

    expect(answer.status).toBe(403);
    expect(answer.headers["www-authenticate"]).toContain('scope="read:b write:b"');
    expect((await get(both)).headers["www-authenticate"]).toContain(
      'scope="read:a read:b write:b"',
    );
  });

  it("OAUTH-14: the same subject and client at two issuers are two owners of sessions", async () => {
    const claims = { sub: "alice", client_id: "app" };
    const [first, second] = [bearer(await ofA(claims)), bearer(await tokenOf(b, claims))];
    const { postUrl } = await openSession(served.sseUrl, first);

    expect((await post(postUrl, initialize, second)).status).toBe(404);
    expect((await post(postUrl, initialize, first)).status).toBe(202);
  });
});

describe("introspection with several issuers", () => {
  it("OAUTH-14: the one issuer that is to be asked gets the opaque tokens", async () => {
    const mixed = await serveWho([oauthFor(a), oauthFor(b, { tokenValidation: "introspection" })]);

    expect(await who(mixed, opaqueOf(b))).toMatchObject({ issuer: b.url });
    expect(await who(mixed, await tokenOf(a))).toMatchObject({ issuer: a.url });
    expect(a.requestsTo("introspection").length).toBe(0);
    expect(b.requestsTo("introspection").length).toBe(1);
  });

  it("OAUTH-14: where several are to be asked, each gets the tokens that name it and no others", async () => {
    const tokenValidation = "introspection";
    const both = await serveWho([
      oauthFor(a, { tokenValidation }),
      oauthFor(b, { tokenValidation }),
    ]);
    const token = await tokenOf(b);
    b.tokens.set(token, { active: true, sub: "bob", aud: "https://mcp.example.com/sse" });

    expect(await who(both, token)).toMatchObject({ id: "bob", issuer: b.url });
    expect(verdict(await get(both, opaqueOf(b)))).toBe(
      "401 invalid_token the token does not name its issuer",
    );
    expect(a.requests).toHaveLength(0);
    expect(b.requestsTo("introspection")).toHaveLength(1);
  });
});
