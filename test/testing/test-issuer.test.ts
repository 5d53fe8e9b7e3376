import assert from "node:assert/strict";
import { createMcpRouter } from "express-mcp-sse";
import type { AuthConfig, McpRouter } from "express-mcp-sse";
import { connectTestClient, createTestIssuer, signToken } from "express-mcp-sse/testing";
import type { TestIssuer } from "express-mcp-sse/testing";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { SECRET } from "../kit/tokens.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

/** Issuers of this file; keys of RSA take their time, and one issuer serves many tests. */
let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await createTestIssuer({ algorithm: "ES256" });
});
afterEach(() => issuer.answer());
afterAll(() => issuer.close());

/** A new router, which has asked the issuer for nothing yet. */
function serve(auth: AuthConfig = issuer.auth): McpRouter {
  const logger = recordingLogger();
  const router = createMcpRouter({ auth, logger, createServer: () => createToolServer() });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return router;
}

/** Who a token lets in; rejects where it does not. */
async function whoIs(router: McpRouter, bearer: string): Promise<string | undefined> {
  await using client = await connectTestClient(router, { bearer });
  await client.ping();
  return router.sessions.list()[0]?.principal?.id;
}

test.each(["auth", "jwtAuth"] as const)(
  "TESTING-5: %s lets callers in who have a token of the issuer",
  async (form) => {
    expect(await whoIs(serve(issuer[form]), issuer.sign({ sub: "ada" }))).toBe("ada");
  },
);

test.each(["RS256", "PS384", "ES512"] as const)(
  "TESTING-5: an issuer that signs by %s is understood by either",
  async (algorithm) => {
    await using other = await createTestIssuer({ algorithm, audience: "mine" });
    const token = other.sign();
    expect(await whoIs(serve(other.auth), token)).toBe("test-user");
    expect(await whoIs(serve(other.jwtAuth), token)).toBe("test-user");
    await expect(whoIs(serve(), token)).rejects.toThrow("401");
  },
);

test("TESTING-5: the documents are those of RFC 8414 and of OpenID Connect, and name no private key", async () => {
  for (const path of ["oauth-authorization-server", "openid-configuration"]) {
    const answer = await fetch(`${issuer.url}/.well-known/${path}`);
    expect(await answer.json()).toMatchObject({ issuer: issuer.url, jwks_uri: issuer.jwksUri });
  }
  const { keys } = (await (await fetch(issuer.jwksUri)).json()) as { keys: object[] };
  expect(keys.map((key) => Object.keys(key).sort())).toEqual([
    ["alg", "crv", "kid", "kty", "use", "x", "y"],
  ]);
  expect((await fetch(`${issuer.url}/keys`)).status).toBe(404);
});

test("TESTING-6: tokens that are wrong in one thing are refused for it", async () => {
  const router = serve();
  const refused: readonly (readonly [string, RegExp])[] = [
    [issuer.sign({}, { expiresIn: -60 }), /expired/],
    [issuer.sign({}, { audience: "https://other.example" }), /not meant for this/],
    [issuer.sign({ aud: undefined }), /audience|not meant/],
    [issuer.sign({ iss: "https://other.example" }), /issuer/],
    [issuer.sign({}, { header: { kid: "unknown" } }), /key/],
    [signToken(SECRET, { iss: issuer.url }, { audience: issuer.audience }), /algorithm/],
  ];
  for (const [bearer, reason] of refused) {
    await assert.rejects(whoIs(router, bearer), { status: 401, reason });
  }
  const rsa = await createTestIssuer();
  onDispose(() => rsa.close());
  const otherAlgorithm = rsa.sign({}, { algorithm: "PS256" });
  await assert.rejects(whoIs(serve(rsa.jwtAuth), otherAlgorithm), { status: 401 });
  expect(await whoIs(router, issuer.sign({}, { audience: ["a", issuer.audience] }))).toBe(
    "test-user",
  );
});

test("TESTING-6: a token of a shared secret lets its caller in, and an expired one does not", async () => {
  const router = serve({ type: "jwt", options: { secret: SECRET, algorithms: ["HS384"] } });
  const options = { algorithm: "HS384" } as const;
  expect(await whoIs(router, signToken(SECRET, { sub: "ada" }, options))).toBe("ada");
  const expired = signToken(SECRET, {}, { ...options, expiresIn: -60 });
  await assert.rejects(whoIs(router, expired), { status: 401, reason: /expired/ });
  await assert.rejects(whoIs(router, signToken(SECRET)), { status: 401 });
});

describe("keys that rotate", () => {
  test("TESTING-7: a new key signs, and the old ones count until they are withdrawn", async () => {
    await using rotating = await createTestIssuer({ algorithm: "ES256" });
    const [old] = rotating.kids;
    const early = rotating.sign({ sub: "early" });
    const next = await rotating.rotateKeys();
    expect(rotating.kids).toEqual([old, next]);
    const router = serve(rotating.auth);
    expect(await whoIs(router, early)).toBe("early");
    expect(await whoIs(router, rotating.sign({ sub: "late" }))).toBe("late");
    expect(await whoIs(router, rotating.sign({ sub: "older" }, { kid: old! }))).toBe("older");

    await rotating.rotateKeys({ withdrawOld: true });
    await assert.rejects(whoIs(serve(rotating.auth), early), { status: 401 });
    expect(() => rotating.sign({}, { kid: "none" })).toThrow(/^options\.kid is no key/);
  });

  test("TESTING-7: a server that has asked just now asks again once half a minute has passed", async () => {
    await using rotating = await createTestIssuer({ algorithm: "ES256" });
    const router = serve(rotating.auth);
    await whoIs(router, rotating.sign());
    await rotating.rotateKeys();
    await assert.rejects(whoIs(router, rotating.sign()), { status: 401, reason: /key/ });

    const now = performance.now.bind(performance);
    const later = jest.spyOn(performance, "now").mockImplementation(() => now() + 31_000);
    onDispose(() => later.mockRestore());
    expect(await whoIs(router, rotating.sign({ sub: "ada" }))).toBe("ada");
  });
});

describe("an outage", () => {
  test.each(["reset", "unavailable"] as const)(
    "TESTING-8: by %s is 503 for who has no keys, and nothing for who has them",
    async (outage) => {
      const router = serve();
      await whoIs(router, issuer.sign());
      issuer.stopAnswering(outage);
      expect(await whoIs(router, issuer.sign({ sub: "ada" }))).toBe("ada");
      const late = serve(issuer.jwtAuth);
      await assert.rejects(whoIs(late, issuer.sign()), { status: 503 });

      issuer.answer();
      expect(await whoIs(serve(issuer.jwtAuth), issuer.sign({ sub: "ada" }))).toBe("ada");
    },
  );

  test("TESTING-8: that hangs holds requests, until it is over", async () => {
    issuer.stopAnswering("hang");
    const held = fetch(issuer.jwksUri);
    const failed = expect(held).rejects.toThrow("fetch failed");
    issuer.answer();
    await failed;
    expect((await fetch(issuer.jwksUri)).status).toBe(200);
  });

  test("TESTING-8: of another kind is refused, and so is a wrong option", async () => {
    expect(() => issuer.stopAnswering("down" as never)).toThrow(/^outage is unknown/);
    await expect(createTestIssuer({ url: "x" } as never)).rejects.toThrow(/^options\.url is not/);
    await expect(createTestIssuer({ algorithm: "HS256" as never })).rejects.toThrow(
      /^options\.algorithm is unknown/,
    );
  });
});
