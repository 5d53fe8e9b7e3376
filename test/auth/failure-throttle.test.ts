import { BasicStrategy } from "passport-http";
import { fromPassport } from "../../src/index.js";
import type { AuthConfig } from "../../src/index.js";
import { FailureThrottle } from "../../src/auth/failure-throttle.js";
import { networkOf } from "../../src/shared/network.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { JWT_AUTH, serveRouter } from "../kit/serve.js";
import { send } from "../kit/raw-http.js";
import { openSession, openStream, post } from "../kit/raw-sse.js";
import { secretToken } from "../kit/tokens.js";

cleanUpAfterEach();
afterEach(() => void jest.useRealTimers());

describe("the key of an address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:4711", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:0DB8::ffff:ffff:ffff:ffff", "2001:db8:0:0::/64"],
    ["[2001:db8::1]:443", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::ffff:0:192.0.2.1", "0:0:0:0::/64"],
    ["::192.0.2.1", "0:0:0:0::/64"],
    ["::192.0.2.1%eth0", "0:0:0:0::/64"],
    ["::ffff:192.0.2.1%eth0", "192.0.2.1"],
    ["2001:db8::192.0.2.1", "2001:db8:0:0::/64"],
    ["[2001:db8:1:2:3:4:192.0.2.1]:443", "2001:db8:1:2::/64"],
  ])("THROTTLE-3: of %s is %s", (address, key) => {
    expect(networkOf(address)).toBe(key);
  });

  it.each(["", "unknown", "_hidden", "1.2.3", "999.1.1.1", "::1::2", "[", "a".repeat(10_000)])(
    "THROTTLE-3: of %.20j, which is no address, is the one of all such",
    (address) => {
      expect(networkOf(address)).toBe("unknown");
    },
  );

  it("THROTTLE-3: of no address is that one too", () => {
    expect(networkOf(undefined)).toBe("unknown");
  });
});

describe("the throttle", () => {
  it("THROTTLE-1: counts sixty bad credentials that are sent together one by one", async () => {
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: ["the-one-good-key-of-this-server"] } },
    });
    const guesses = Array.from({ length: 60 }, (_, guess) =>
      send(sseUrl, { headers: { "x-api-key": `a-bad-key-of-good-length-${guess}` } }),
    );
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  it("THROTTLE-1: counts each address by itself, and forgets after the window", async () => {
    jest.useFakeTimers();
    const throttle = new FailureThrottle({ maxFailures: 2, windowMs: 60_000 });
    expect(await throttle.noteFailure("a")).toBeUndefined();
    expect(await throttle.noteFailure("a")).toBeUndefined();
    expect(await throttle.noteFailure("a")).toBe(60_000);
    expect(await throttle.noteFailure("b")).toBeUndefined();
    jest.advanceTimersByTime(20_000);
    // Trying on does not prolong it.
    expect(await throttle.noteFailure("a")).toBe(40_000);
    jest.advanceTimersByTime(40_001);
    expect(await throttle.noteFailure("a")).toBeUndefined();
  });

  it("THROTTLE-4: remembers a bounded number of addresses, the newest", async () => {
    jest.useFakeTimers();
    const throttle = new FailureThrottle({ maxFailures: 1, windowMs: 60_000 });
    for (let index = 0; index < 10_001; index++) await throttle.noteFailure(`address ${index}`);
    expect(throttle.size).toBe(10_000);
    expect(jest.getTimerCount()).toBeLessThanOrEqual(10_000);
    expect(await throttle.noteFailure("address 10000")).toBeDefined();
    expect(await throttle.noteFailure("address 0")).toBeUndefined();
  });
});

const BAD = { authorization: "Bearer not-a-token-at-all" };

async function statuses(url: string, headers: Record<string, string>, times: number) {
  const all: number[] = [];
  for (let time = 0; time < times; time++) all.push((await send(url, { headers })).status);
  return all;
}

const throttle = { maxFailures: 3, windowMs: 60_000 };

describe("an endpoint", () => {
  it("THROTTLE-1: answers 429 with Retry-After after as many refused credentials, on every route", async () => {
    const { sseUrl, messagesUrl, sessions, lines } = await serveRouter({ throttle });
    const limited: unknown[] = [];
    sessions.on("limited", (fact) => limited.push(fact));
    expect(await statuses(sseUrl, BAD, 3)).toEqual([401, 401, 401]);
    const answer = await send(sseUrl, { headers: BAD });
    expect(answer.status).toBe(429);
    expect(answer.json.error).toBe("too_many_failures");
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(50);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    const post = { method: "POST", headers: { ...BAD, "content-type": "application/json" } };
    expect((await send(`${messagesUrl}?sessionId=x`, { ...post, body: "{}" })).status).toBe(429);
    const fact = { limit: "throttle", outcome: "refused", address: "127.0.0.1" };
    expect(limited).toEqual([fact, fact]);
    expect(lines.filter((line) => line.includes("429 too_many_failures"))).toHaveLength(2);
  });

  it("THROTTLE-2: lets a good credential in all the while, and asks who sends none for one", async () => {
    const { sseUrl } = await serveRouter({ throttle });
    await statuses(sseUrl, BAD, 5);
    expect((await send(sseUrl, { headers: asCaller() })).status).toBe(200);
    expect((await send(sseUrl)).status).toBe(401);
    expect((await send(sseUrl, { headers: BAD })).status).toBe(429);
  });

  it("THROTTLE-2: counts neither missing nor expired credentials, nor outages, nor missing scopes", async () => {
    let isDown = true;
    const auth: AuthConfig = [
      { type: "jwt", options: { ...JWT_AUTH.options, scopes: ["admin"] } },
      {
        type: "apikey",
        options: {
          verify: (key) => {
            if (isDown || key.includes("outage")) throw new Error("the database is away");
            return null;
          },
        },
      },
    ];
    const { sseUrl } = await serveRouter({ throttle, auth });
    expect(await statuses(sseUrl, {}, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(await statuses(sseUrl, asCaller(), 5)).toEqual([403, 403, 403, 403, 403]);
    const down = { "x-api-key": "an-outage-of-a-key" };
    expect(await statuses(sseUrl, down, 5)).toEqual([503, 503, 503, 503, 503]);
    isDown = false;
    expect(await statuses(sseUrl, { "x-api-key": "a-guessed-key-0001" }, 4)).toEqual([
      401, 401, 401, 429,
    ]);
  });

  it("THROTTLE-2: tells an expired token that it has, even where others were throttled", async () => {
    const { sseUrl } = await serveRouter({ throttle });
    const exp = Math.floor(Date.now() / 1000) - 3600;
    const expired = { authorization: `Bearer ${secretToken({ exp })}` };
    expect(await statuses(sseUrl, expired, 5)).toEqual([401, 401, 401, 401, 401]);
    await statuses(sseUrl, BAD, 4);
    expect(await statuses(sseUrl, expired, 1)).toEqual([401]);
    // Only what is genuine has merely expired.
    const forged = { authorization: `Bearer ${secretToken({ exp }, { secret: "x".repeat(64) })}` };
    expect(await statuses(sseUrl, forged, 1)).toEqual([429]);
  });

  it("THROTTLE-2: counts a key that is guessed beside an expired token", async () => {
    const keys = ["a-good-key-that-nobody-guesses"];
    const auth: AuthConfig = [JWT_AUTH, { type: "apikey", options: { keys } }];
    const { sseUrl } = await serveRouter({ throttle, auth });
    const exp = Math.floor(Date.now() / 1000) - 3600;
    const authorization = `Bearer ${secretToken({ exp })}`;
    const guess = { authorization, "x-api-key": "a-guessed-key-0001" };
    expect(await statuses(sseUrl, guess, 4)).toEqual([401, 401, 401, 429]);
  });

  it("THROTTLE-6: counts a key that is guessed beside a good token, and lets the caller in", async () => {
    const keys = ["a-good-key-that-nobody-guesses"];
    const auth: AuthConfig = [{ type: "apikey", options: { keys } }, JWT_AUTH];
    const { sseUrl, sessions } = await serveRouter({ throttle, auth });
    const limited: unknown[] = [];
    sessions.on("limited", (fact) => limited.push(fact));
    const guess = { ...asCaller(), "x-api-key": "a-guessed-key-0001" };
    expect(await statuses(sseUrl, guess, 4)).toEqual([200, 200, 200, 200]);
    const principal = expect.objectContaining({ id: "alice" }) as unknown;
    expect(limited).toEqual([
      { limit: "throttle", outcome: "counted", address: "127.0.0.1", principal },
    ]);
    expect(await statuses(sseUrl, { "x-api-key": "a-guessed-key-0002" }, 1)).toEqual([429]);
    expect(await statuses(sseUrl, { "x-api-key": keys[0]! }, 1)).toEqual([200]);
  });

  it("THROTTLE-6: counts a key that is guessed on the POSTs of a known session", async () => {
    const keys = ["a-good-key-that-nobody-guesses"];
    const auth: AuthConfig = [{ type: "apikey", options: { keys } }, JWT_AUTH];
    const { sseUrl } = await serveRouter({ throttle, auth });
    const headers = asCaller();
    const { postUrl } = await openSession(sseUrl, headers);
    for (let guess = 0; guess < 4; guess++) {
      const beside = { ...headers, "x-api-key": `a-guessed-key-000${guess}` };
      expect((await post(postUrl, { jsonrpc: "2.0", method: "x" }, beside)).status).toBe(202);
    }
    expect(await statuses(sseUrl, BAD, 1)).toEqual([429]);
  });

  it("THROTTLE-6: counts no credential that another method accepts", async () => {
    const keys = ["a-good-key-that-nobody-guesses"];
    const auth: AuthConfig = [{ type: "apikey", options: { keys } }, JWT_AUTH];
    const { sseUrl } = await serveRouter({ throttle, auth });
    expect(await statuses(sseUrl, asCaller(), 5)).toEqual([200, 200, 200, 200, 200]);
    expect(await statuses(sseUrl, BAD, 1)).toEqual([401]);
  });

  it("THROTTLE-6: counts a key that is guessed beside what a strategy of others accepts", async () => {
    const basic = new BasicStrategy((name, password, done) => {
      done(null, password === "lovelace" ? { name } : false);
    });
    const principal = (user: unknown) => ({ id: (user as { name: string }).name });
    const keys = ["a-good-key-that-nobody-guesses"];
    const auth: AuthConfig = [
      { type: "apikey", options: { keys } },
      fromPassport(basic, { principal }),
    ];
    const { sseUrl } = await serveRouter({ throttle, auth });
    const good = { authorization: `Basic ${btoa("ada:lovelace")}` };
    expect(await statuses(sseUrl, { ...good, "x-api-key": "a-guessed-key-0001" }, 4)).toEqual([
      200, 200, 200, 200,
    ]);
    expect(await statuses(sseUrl, BAD, 1)).toEqual([429]);
  });

  it("THROTTLE-3: goes by the address that a trusted proxy names, and by no other", async () => {
    const trusting = await serveRouter({
      throttle,
      configure: (app) => void app.set("trust proxy", "loopback"),
    });
    const plain = await serveRouter({ throttle });
    const from = (address: string) => ({ ...BAD, "x-forwarded-for": address });
    for (let time = 0; time < 4; time++) {
      await send(trusting.sseUrl, { headers: from("192.0.2.1") });
      await send(plain.sseUrl, { headers: from("192.0.2.1") });
    }
    expect((await send(trusting.sseUrl, { headers: from("192.0.2.1") })).status).toBe(429);
    expect((await send(trusting.sseUrl, { headers: from("192.0.2.2") })).status).toBe(401);
    expect((await send(plain.sseUrl, { headers: from("192.0.2.2") })).status).toBe(429);
  });

  it("THROTTLE-5: tells a client that comes back to come again, not that it is throttled", async () => {
    const { sseUrl } = await serveRouter({ throttle, resume: { retryMs: 123 } });
    await statuses(sseUrl, BAD, 4);
    const stream = await openStream(sseUrl, { ...BAD, "mcp-protocol-version": "2025-06-18" });
    await stream.ended;
    expect([stream.status, stream.bytes]).toEqual([200, "retry: 123\n\n"]);
  });

  it("THROTTLE-1: can be told not to", async () => {
    const { sseUrl } = await serveRouter({ throttle: false });
    expect(new Set(await statuses(sseUrl, BAD, 30))).toEqual(new Set([401]));
  });

  it("THROTTLE-1: also throttles the guard of other routes", async () => {
    const { origin } = await serveRouter({
      throttle,
      after: (app, router) => app.get("/report", router.guard, (_req, res) => void res.send("ok")),
    });
    expect(await statuses(`${origin}/report`, BAD, 4)).toEqual([401, 401, 401, 429]);
    expect(await statuses(`${origin}/report`, asCaller(), 1)).toEqual([200]);
  });
});
