import { setImmediate } from "node:timers/promises";
import type { CloseReason } from "../../../src/index.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { freezeTimers } from "../../kit/clock.js";
import type { Served } from "../../kit/serve.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { bearer, SECRET, secretToken } from "../../kit/tokens.js";
import {
  fakeIssuer,
  get,
  oauthFor,
  opaqueOf,
  serveWho,
  tokenOf,
  verdict,
} from "../../kit/resource-server.js";
import { initialize, openSession, openStream, post } from "../../kit/raw-sse.js";
import type { RawStream } from "../../kit/raw-sse.js";

cleanUpAfterEach();

const START = 1_900_000_000;
const DAY = 86_400;
const TOLERANCE = 10;

let issuer: FakeIssuer;
let reasons: CloseReason[];
beforeEach(async () => {
  issuer = await fakeIssuer();
  reasons = [];
  // A clock that tests turn by hand; sockets go on as they are.
  freezeTimers(START * 1000);
});

async function serve(onTokenExpiry?: "end-stream" | "keep", auth?: object): Promise<Served> {
  const served = await serveWho((auth ?? oauthFor(issuer)) as ReturnType<typeof oauthFor>, {
    ...{ keepAliveMs: 0, resume: false },
    sessions: {
      // Nothing but the token may end what these tests open.
      ...{ initTimeoutMs: 0, idleMs: 0 },
      ...(onTokenExpiry !== undefined && { onTokenExpiry }),
    },
  });
  served.sessions.on("closed", (_session, reason) => reasons.push(reason));
  return served;
}

const until = (seconds: number, claims = {}) =>
  tokenOf(issuer, { exp: START + seconds, ...claims });

function pass(seconds: number): void {
  jest.advanceTimersByTime(seconds * 1000);
}

/** Whether a stream is open after everything that is on its way has arrived. */
async function isOpen(stream: RawStream): Promise<boolean> {
  let hasEnded = false;
  void stream.ended.then(() => (hasEnded = true));
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  return !hasEnded;
}

describe("a token that expires while the stream is open", () => {
  it("OAUTH-17: ends the stream, tolerance included, with a time to come back", async () => {
    const served = await serve();
    const { stream, endpoint } = await openSession(served.sseUrl, bearer(await until(60)));

    pass(60 + TOLERANCE - 0.001);
    expect(await isOpen(stream)).toBe(true);
    pass(0.001);
    await stream.ended;

    expect(stream.bytes).toBe(`event: endpoint\ndata: ${endpoint}\n\nretry: 1000\n\n`);
    expect(reasons).toEqual(["credential-expired"]);
    expect(served.sessions.size).toBe(0);
  });

  it("OAUTH-17: the client that comes back with it gets 401, and with a new one a new session", async () => {
    const served = await serve();
    const [old, renewed] = [await until(60), await until(600)];
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(old));
    pass(60 + TOLERANCE);
    await stream.ended;

    expect(verdict(await get(served, old))).toBe("401 invalid_token the token has expired");
    expect((await post(postUrl, initialize, bearer(renewed))).status).toBe(404);
    expect((await openSession(served.sseUrl, bearer(renewed))).endpoint).toMatch(/sessionId=/);
  });

  it("OAUTH-17: gives one that comes within the tolerance the rest of it", async () => {
    const served = await serve();
    pass(65);
    const stream = await openStream(served.sseUrl, bearer(await until(60)));
    expect(stream.status).toBe(200);

    pass(4.999);
    expect(await isOpen(stream)).toBe(true);
    pass(0.001);
    await stream.ended;
  });

  it("OAUTH-17: aborts what is running for the session", async () => {
    const served = await serve();
    const { stream } = await openSession(served.sseUrl, bearer(await until(60)));
    const [session] = served.sessions.list();
    expect(session!.signal.aborted).toBe(false);

    pass(60 + TOLERANCE);
    await stream.ended;

    expect(session!.signal.aborted).toBe(true);
    expect(session!.state).toBe("closed");
  });

  it.each([DAY * 60, DAY * 24.8])("OAUTH-17: is waited for over %d seconds", async (seconds) => {
    const served = await serve();
    const { stream } = await openSession(served.sseUrl, bearer(await until(seconds)));

    pass(seconds + TOLERANCE - 1);
    expect(await isOpen(stream)).toBe(true);
    pass(1);
    await stream.ended;
  });

  it("OAUTH-17: the same holds for type jwt, with its own tolerance", async () => {
    const options = { secret: SECRET, algorithms: ["HS256"], clockTolerance: 30 };
    const served = await serve(undefined, { type: "jwt", options });
    const { stream } = await openSession(
      served.sseUrl,
      bearer(secretToken({ exp: START - 10, iat: START - 20 })),
    );

    pass(19.999);
    expect(await isOpen(stream)).toBe(true);
    pass(0.001);
    await stream.ended;
    expect(reasons).toEqual(["credential-expired"]);
  });
});

describe("a newer token on a POST", () => {
  it("OAUTH-17: of the same principal prolongs the stream, so that an active client never notices", async () => {
    const served = await serve();
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(await until(60)));
    pass(50);
    expect((await post(postUrl, initialize, bearer(await until(120)))).status).toBe(202);
    await stream.nextMessage();

    pass(50);
    expect(await isOpen(stream)).toBe(true);
    pass(20 + TOLERANCE - 0.001);
    expect(await isOpen(stream)).toBe(true);
    pass(0.001);
    await stream.ended;
    expect(stream.bytes).toMatch(/\n\nretry: 1000\n\n$/);
  });

  it("OAUTH-17: that ends earlier than the one before does not shorten the stream", async () => {
    const served = await serve();
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(await until(120)));
    expect((await post(postUrl, initialize, bearer(await until(60)))).status).toBe(202);

    pass(120 + TOLERANCE - 0.001);
    expect(await isOpen(stream)).toBe(true);
    pass(0.001);
    await stream.ended;
  });

  it("OAUTH-17: that never ends lets the stream stay", async () => {
    const served = await serve();
    const { stream, postUrl } = await openSession(
      served.sseUrl,
      bearer(opaqueOf(issuer, { exp: START + 60 })),
    );
    const endless = opaqueOf(issuer, { exp: undefined });
    expect((await post(postUrl, initialize, bearer(endless))).status).toBe(202);

    pass(DAY);
    expect(await isOpen(stream)).toBe(true);
  });

  it.each([
    ["another user", { sub: "bob" }],
    ["another client", { client_id: "other" }],
  ])("OAUTH-17: of %s prolongs nothing", async (_who, claims) => {
    const served = await serve();
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(await until(60)));
    const theirs = bearer(await until(600, claims));
    expect((await post(postUrl, initialize, theirs)).status).toBe(404);

    pass(60 + TOLERANCE);
    await stream.ended;
    expect(reasons).toEqual(["credential-expired"]);
  });

  it("OAUTH-17: that is refused prolongs nothing", async () => {
    const served = await serve();
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(await until(60)));
    const wrong = bearer(await until(600, { aud: "https://other.example" }));
    expect((await post(postUrl, initialize, wrong)).status).toBe(401);

    pass(60 + TOLERANCE);
    await stream.ended;
  });
});

describe("an expired token on a POST", () => {
  it.each(["end-stream", "keep"] as const)(
    "OAUTH-17: is refused with 401 while the stream is open: %s",
    async (policy) => {
      const served = await serve(policy);
      const [short, long] = [await until(60), await until(600)];
      const { stream, postUrl } = await openSession(served.sseUrl, bearer(long));
      pass(60 + TOLERANCE);

      const answer = await post(postUrl, initialize, bearer(short));

      expect([answer.status, answer.json.error]).toEqual([401, "invalid_token"]);
      expect(answer.headers.get("www-authenticate")).toContain("the token has expired");
      expect(await isOpen(stream)).toBe(true);
      expect((await post(postUrl, initialize, bearer(long))).status).toBe(202);
    },
  );
});

describe("a stream that nothing ends", () => {
  it('OAUTH-17: with onTokenExpiry "keep"', async () => {
    const served = await serve("keep");
    const { stream, postUrl } = await openSession(served.sseUrl, bearer(await until(60)));
    expect((await post(postUrl, initialize, bearer(await until(70)))).status).toBe(202);

    pass(DAY);

    expect(await isOpen(stream)).toBe(true);
    expect(reasons).toEqual([]);
    expect((await post(postUrl, initialize, bearer(await until(60)))).status).toBe(401);
    expect((await post(postUrl, initialize, bearer(await until(2 * DAY)))).status).toBe(202);
  });

  it("OAUTH-17: with a token that has no expiry", async () => {
    const served = await serve();
    const { stream, postUrl } = await openSession(
      served.sseUrl,
      bearer(opaqueOf(issuer, { exp: undefined })),
    );
    const short = opaqueOf(issuer, { exp: START + 60 });
    expect((await post(postUrl, initialize, bearer(short))).status).toBe(202);

    pass(30 * DAY);

    expect(await isOpen(stream)).toBe(true);
  });

  it("OAUTH-17: anything else than the two policies is a mistake", async () => {
    await expect(serve("never" as never)).rejects.toThrow(
      /onTokenExpiry is unknown\. Write "end-stream" or "keep"/,
    );
  });
});
