import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { serveRouter } from "../../kit/serve.js";

import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { JwksServer } from "../../kit/jwks-server.js";
import { secret } from "../../kit/leak-watch.js";
import { bearer, keyToken, rsaKey } from "../../kit/tokens.js";
import {
  fakeIssuer,
  get,
  oauthFor,
  opaqueOf,
  serveOAuth,
  tokenOf,
} from "../../kit/resource-server.js";
import { send } from "../../kit/raw-http.js";
import { initialize, openSession, post } from "../../kit/raw-sse.js";

cleanUpAfterEach();
afterEach(() => void jest.restoreAllMocks());

const throttle = { maxFailures: 3, windowMs: 60_000 };

let issuer: FakeIssuer;
beforeEach(async () => {
  issuer = await fakeIssuer();
});

const asked = () => issuer.requestsTo("introspection").length;

let serial = 0;
const invented = (): string => secret(`invented-${++serial}-5d1c9a`);

/** Sends invented tokens until the address is throttled. */
async function spend(url: string): Promise<void> {
  for (let guess = 0; guess < throttle.maxFailures; guess++) {
    expect((await send(url, { headers: bearer(invented()) })).status).toBe(401);
  }
}

describe("the issuer of opaque tokens", () => {
  it("THROTTLE-7: is not asked about invented tokens of a throttled address", async () => {
    const served = await serveOAuth(issuer, {}, { throttle });
    await spend(served.sseUrl);
    const before = asked();
    for (let guess = 0; guess < 10; guess++) {
      const answer = await get(served, invented());
      expect([answer.status, answer.json.error]).toEqual([429, "too_many_failures"]);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(50);
    }
    expect((await send(`${served.origin}/who`, { headers: bearer(invented()) })).status).toBe(429);
    expect(asked()).toBe(before);
  });

  it("THROTTLE-7: is asked about a token that was good before, also when its answer has expired", async () => {
    const served = await serveOAuth(issuer, { introspectionCacheMs: 0 }, { throttle });
    const token = opaqueOf(issuer);
    expect((await get(served, token)).status).toBe(200);
    await spend(served.sseUrl);
    const before = asked();
    expect((await get(served, token)).status).toBe(200);
    expect(asked()).toBe(before + 1);
    issuer.tokens.set(token, { active: false });
    expect((await get(served, token)).status).toBe(429);
    expect(asked()).toBe(before + 2);
    expect((await get(served, token)).status).toBe(429);
    expect(asked()).toBe(before + 2);
  });

  it("THROTTLE-7: is not asked by the POSTs of a session either", async () => {
    const served = await serveOAuth(issuer, {}, { throttle });
    const token = opaqueOf(issuer);
    const { postUrl } = await openSession(served.sseUrl, bearer(token));
    await spend(served.sseUrl);
    const before = asked();
    expect((await post(postUrl, initialize, bearer(invented()))).status).toBe(429);
    expect(asked()).toBe(before);
    expect((await post(postUrl, initialize, bearer(token))).status).toBe(202);
  });

  it("THROTTLE-7: is asked again once the window is over", async () => {
    const served = await serveOAuth(issuer, {}, { throttle: { ...throttle, windowMs: 200 } });
    await spend(served.sseUrl);
    const token = opaqueOf(issuer);
    for (;;) {
      const { status } = await get(served, token);
      if (status === 200) break;
      expect(status).toBe(429);
    }
  });

  it("THROTTLE-2: hears nothing of a JWT, which is let in all the while", async () => {
    const served = await serveOAuth(issuer, {}, { throttle });
    expect((await get(served, await tokenOf(issuer))).status).toBe(200);
    await spend(served.sseUrl);
    expect((await get(served, await tokenOf(issuer, { sub: "new" }))).status).toBe(200);
  });

  it("THROTTLE-7: is asked all the while where nothing is throttled", async () => {
    const served = await serveOAuth(issuer, {}, { throttle: false });
    const before = asked();
    for (let guess = 0; guess < 5; guess++) await get(served, invented());
    expect(asked()).toBe(before + 5);
  });
});

describe("the key host of an issuer", () => {
  it("THROTTLE-7: is not asked for the invented key ids of a throttled address", async () => {
    const key = rsaKey("key-1");
    const host = await JwksServer.start(key);
    onDispose(() => host.stop());
    const { sseUrl } = await serveRouter({
      throttle: { ...throttle, windowMs: 3_600_000 },
      auth: { type: "jwt", options: { jwksUri: host.url, algorithms: ["RS256"] } },
    });
    const statusOf = async (token: string) =>
      (await send(sseUrl, { headers: bearer(token) })).status;
    expect(await statusOf(keyToken(key))).toBe(200);
    await spend(sseUrl);
    const start = performance.now();
    const clock = jest.spyOn(performance, "now");
    // Late enough for an unknown key id to be worth a fetch.
    clock.mockImplementation(() => start + 31_000);
    const before = host.requests;
    const unknown = keyToken(key, {}, { kid: "invented" });
    expect([await statusOf(unknown), await statusOf(unknown)]).toEqual([429, 429]);
    expect(host.requests).toBe(before);
    expect(await statusOf(keyToken(key))).toBe(200);
    // What is due is fetched, whoever comes.
    clock.mockImplementation(() => start + 601_000);
    expect(await statusOf(unknown)).toBe(429);
    expect(host.requests).toBe(before + 1);
  });
});

it("THROTTLE-7: calls no token bad that nobody was asked about", async () => {
  const keys = ["a-good-key-that-nobody-guesses"];
  const { sseUrl } = await serveRouter({
    throttle,
    auth: [{ type: "apikey", options: { keys } }, oauthFor(issuer)],
  });
  await spend(sseUrl);
  const { status, json } = await send(sseUrl, { headers: bearer(opaqueOf(issuer)) });
  expect([status, json.error]).toEqual([429, "too_many_failures"]);
});
