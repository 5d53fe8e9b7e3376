import { MCPServer } from "../../../src/index.js";
import type { SseRouter } from "../../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { registerTools } from "../../kit/tools.js";
import type { Served } from "../../kit/serve.js";
import { faults } from "../../kit/fake-issuer.js";
import type { FakeIssuer, Fault, IssuerRoute } from "../../kit/fake-issuer.js";

import { bearer, SECRET } from "../../kit/tokens.js";
import {
  fakeIssuer,
  get,
  oauthFor,
  opaqueOf,
  serveOAuth,
  serveWho,
  tokenOf,
  verdict,
} from "../../kit/resource-server.js";
import { initialize, openSession, post } from "../../kit/raw-sse.js";
import { send } from "../../kit/raw-http.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
let later = 0;
beforeEach(async () => {
  issuer = await fakeIssuer({ path: "/realms/a" });
  later = 0;
  const [date, monotonic] = [Date.now.bind(Date), performance.now.bind(performance)];
  jest.spyOn(Date, "now").mockImplementation(() => date() + later);
  jest.spyOn(performance, "now").mockImplementation(() => monotonic() + later);
});
afterEach(() => jest.restoreAllMocks());

const UNAVAILABLE = "503 temporarily_unavailable";

describe("MCPServer.start()", () => {
  function server(): MCPServer {
    const made = new MCPServer({
      setup: registerTools,
      transport: { type: "sse", options: { port: 0, auth: oauthFor(issuer) } },
    });
    onDispose(() => made.stop({ timeoutMs: 0 }));
    return made;
  }

  it("OAUTH-2: rejects with every URL that was tried and what each answered", async () => {
    issuer.fail("rfc8414-insert", faults.status(500));
    issuer.fail("oidc-insert", faults.body('{"issuer":"https://evil.example"}'));
    issuer.fail("oidc-append", faults.invalidJson());
    const { origin } = issuer;

    await expect(server().start()).rejects.toThrow(
      `The server cannot be started: no metadata of the issuer ${issuer.url} was found: ` +
        `${origin}/.well-known/oauth-authorization-server/realms/a answered 500; ` +
        `${origin}/.well-known/openid-configuration/realms/a names another issuer, "https://evil.example"; ` +
        `${origin}/realms/a/.well-known/openid-configuration answered something that is no JSON`,
    );
  });

  it("OAUTH-2: gives each URL 5 seconds, and no more", async () => {
    issuer.fail("metadata", faults.hang());
    const given: number[] = [];
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    jest.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
      given.push(ms);
      return timeout(20);
    });

    await expect(server().start()).rejects.toThrow(/did not answer within 5000 ms/);
    expect(given).toEqual([5000, 5000, 5000]);
  });

  it("OAUTH-2: listens nowhere when it rejects, and may be called again", async () => {
    const made = server();
    await issuer.stop();
    await expect(made.start()).rejects.toThrow(/openid-configuration could not be reached/);
    expect(made.url).toBeUndefined();

    await issuer.start();
    later += 5000;
    await made.start();

    expect((await send(made.url!, { headers: bearer(await tokenOf(issuer)) })).status).toBe(200);
  });
});

describe("a router whose issuer cannot be found", () => {
  it("OAUTH-2: answers 503 with Retry-After, and heals by itself", async () => {
    await issuer.stop();
    const served = await serveOAuth(issuer);
    const token = await tokenOf(issuer);
    for (const each of [token, opaqueOf(issuer)]) {
      const answer = await get(served, each);
      expect(verdict(answer)).toBe(UNAVAILABLE);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      expect(Number(answer.headers["retry-after"])).toBeLessThanOrEqual(5);
      expect(answer.headers["www-authenticate"]).toBeUndefined();
    }
    expect(served.lines.at(-1)).toMatch(
      /^error: refused GET: 503 .*the issuer cannot be reached.*openid-configuration could not be/,
    );

    await issuer.start();
    later += 5000;

    expect(verdict(await get(served, token))).toBe("200");
  });

  it("OAUTH-2: still tells callers without a token where to get one", async () => {
    await issuer.stop();
    const served = await serveOAuth(issuer);

    expect((await get(served)).status).toBe(401);
    const document = await send(`${served.origin}/.well-known/oauth-protected-resource/sse`);
    expect(document.json).toMatchObject({ authorization_servers: [issuer.url] });
    expect(issuer.requests).toHaveLength(0);
  });

  it("OAUTH-2: tells with ready() whether it is found by now", async () => {
    await issuer.stop();
    let router: SseRouter | undefined;
    await serveWho(oauthFor(issuer), { after: (_app, made) => (router = made) });
    await expect(router!.ready()).rejects.toMatchObject({
      code: "temporarily_unavailable",
      headers: { "Retry-After": "5" },
      cause: { name: "DiscoveryError" },
    });

    await issuer.start();
    later += 5000;

    await expect(router!.ready()).resolves.toBeUndefined();
    await expect(router!.ready()).resolves.toBeUndefined();
    expect(issuer.requests).toHaveLength(1);
  });

  it("OAUTH-2: is ready at once without OAuth", async () => {
    let router: SseRouter | undefined;
    await serveWho(
      { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
      { after: (_app, made) => (router = made) },
    );
    await expect(router!.ready()).resolves.toBeUndefined();
  });
});

describe("an issuer that goes down after it was found", () => {
  async function found(): Promise<{ served: Served; token: string; opaque: string }> {
    const served = await serveOAuth(issuer);
    const [token, opaque] = [await tokenOf(issuer, { exp: 4_000_000_000 }), opaqueOf(issuer)];
    for (const each of [token, opaque]) expect(verdict(await get(served, each))).toBe("200");
    await issuer.stop();
    return { served, token, opaque };
  }

  it("OAUTH-15: JWTs are verified with the keys that are known, however long it takes", async () => {
    const { served, token } = await found();
    for (const hours of [0, 1, 24, 24 * 30]) {
      later = hours * 3_600_000;
      expect(verdict(await get(served, token))).toBe("200");
      expect(verdict(await get(served, await tokenOf(issuer, { aud: "x" })))).toMatch(/^401 /);
    }
  });

  it("OAUTH-15: a key that is not known may have come since, so nothing is said of it", async () => {
    const { served } = await found();
    await issuer.rotateKeys();
    later += 60_000;
    const answer = await get(served, await tokenOf(issuer));

    expect(verdict(answer)).toBe(UNAVAILABLE);
    expect(answer.headers["retry-after"]).toBe("5");
  });

  it("OAUTH-15: an opaque token is good while its answer counts; then it is nobody's fault", async () => {
    const { served, opaque } = await found();
    later += 29_000;
    expect(verdict(await get(served, opaque))).toBe("200");

    later += 1_000;
    const answer = await get(served, opaque);
    expect(verdict(answer)).toBe(UNAVAILABLE);
    expect(answer.headers["retry-after"]).toBe("5");

    await issuer.start();
    expect(verdict(await get(served, opaque))).toBe("200");
  });

  it("OAUTH-15: open sessions go on, and their messages are accepted", async () => {
    const served = await serveOAuth(issuer);
    const headers = bearer(await tokenOf(issuer));
    const { stream, postUrl } = await openSession(served.sseUrl, headers);
    await issuer.stop();

    expect((await post(postUrl, initialize, headers)).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 1, result: {} });
  });
});

describe("an issuer that answers badly", () => {
  const bad: [string, Fault][] = [
    ["a 500", faults.status(500)],
    ["a 401", faults.status(401)],
    ["a 404", faults.status(404)],
    ["a redirect", faults.redirect("http://127.0.0.1:9/")],
    ["a page instead of JSON", faults.invalidJson()],
    ["a list", faults.body("[]")],
    ["an empty object", faults.body("{}")],
    ["an endless body", faults.endless()],
    ["a reset", faults.reset()],
  ];
  const places: [IssuerRoute | "metadata", () => Promise<string>][] = [
    ["metadata", async () => await tokenOf(issuer)],
    ["metadata", async () => Promise.resolve(opaqueOf(issuer))],
    ["jwks", async () => await tokenOf(issuer)],
    ["introspection", async () => Promise.resolve(opaqueOf(issuer))],
  ];
  const cases = bad.flatMap(([what, fault]) =>
    places.map(([route, make]) => ({ what, fault, route, make })),
  );

  it.each(cases)(
    "OAUTH-15: $what from $route is an outage, and no verdict on the token",
    async ({ fault, route, make }) => {
      issuer.fail(route, fault);
      const served = await serveOAuth(issuer);

      const answer = await get(served, await make());

      expect(verdict(answer)).toBe(UNAVAILABLE);
      expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
      expect(answer.headers["www-authenticate"]).toBeUndefined();
    },
  );

  it("OAUTH-15: an empty key set is an outage too, and heals", async () => {
    const served = await serveOAuth(issuer);
    const token = await tokenOf(issuer);
    issuer.publishKeys([]);
    expect(verdict(await get(served, token))).toBe(UNAVAILABLE);

    issuer.publishKeys(["RS256-1"]);
    later += 5000;
    expect(verdict(await get(served, token))).toBe("200");
  });

  it("OAUTH-1: metadata of another issuer is not used", async () => {
    issuer.metadata = { issuer: "https://evil.example" };
    const served = await serveOAuth(issuer);

    expect(verdict(await get(served, await tokenOf(issuer)))).toBe(UNAVAILABLE);
    expect(verdict(await get(served, await tokenOf(issuer, { iss: "https://evil.example" })))).toBe(
      "401 invalid_token the token's issuer is not accepted",
    );
  });
});

describe("keys that are rotated", () => {
  it("OAUTH-7: new ones count at once, old ones as long as they are published", async () => {
    const served = await serveOAuth(issuer);
    const old = await tokenOf(issuer);
    expect(verdict(await get(served, old))).toBe("200");

    await issuer.rotateKeys({ keepOld: true });
    later += 30_000;
    expect(verdict(await get(served, await tokenOf(issuer)))).toBe("200");
    expect(verdict(await get(served, old))).toBe("200");

    await issuer.rotateKeys();
    later += 30_000;
    expect(verdict(await get(served, await tokenOf(issuer)))).toBe("200");
    expect(verdict(await get(served, old))).toBe(
      "401 invalid_token the token's key is not one of its issuer's",
    );
  });
});
