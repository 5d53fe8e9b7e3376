import { jwt } from "../../../strategies/jwt.js";
import { ecKey, forgedToken, keyToken, rsaKey, SECRET, secretToken } from "../../kit/tokens.js";
import { ask, withToken, principalOfAnswer, reasonOf } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

const ISSUER = "https://auth.example";
const rsa = rsaKey("rsa-1");
const now = (): number => Math.floor(Date.now() / 1000);

const bySecret = jwt({ secret: SECRET, algorithms: ["HS256"] });
const byPublicKey = jwt({ publicKey: rsa.publicPem, algorithms: ["RS256"] });
const strict = jwt({ secret: SECRET, algorithms: ["HS256"], issuer: ISSUER, audience: "mcp" });

cleanUpAfterEach();

describe("a token that is refused", () => {
  const good = { iss: ISSUER, aud: "mcp" };
  const HS = { alg: "HS256", typ: "JWT" };

  test.each([
    ["the token has expired", secretToken({ ...good, exp: now() - 60 })],
    ["the token is not valid yet", secretToken({ ...good, nbf: now() + 60 })],
    ["the token's issuer is not accepted", secretToken({ ...good, iss: `${ISSUER}/` })],
    ["the token's issuer is not accepted", secretToken({ aud: "mcp" })],
    ["the token is not meant for this server", secretToken({ ...good, aud: ["other"] })],
    ["the token is not meant for this server", secretToken({ iss: ISSUER })],
    ["the token's signature is wrong", secretToken(good, { secret: SECRET.toUpperCase() })],
    ["the token's algorithm is not allowed", secretToken(good, { algorithm: "HS512" })],
    ["the token has no expiry", secretToken({ ...good, exp: undefined })],
    ["the token's expiry is malformed", forgedToken(HS, { ...good, exp: "tomorrow" }, SECRET)],
    ["the token's start is malformed", forgedToken(HS, { ...good, nbf: "now" }, SECRET)],
    ["the token is malformed", "opaque"],
    ["the token is malformed", "a.b"],
    ["the token is malformed", "a.b.c.d.e"],
    ["the token is malformed", "!!.!!.!!"],
    ["the token is malformed", forgedToken("no object", good, SECRET)],
    ["the token is malformed", forgedToken(null, good, SECRET)],
    ["the token is malformed", forgedToken({ ...HS, kid: 7 }, good, SECRET)],
    ["the token is malformed", forgedToken(HS, null, SECRET)],
    ["the token is malformed", `${Buffer.from("{").toString("base64url")}.e30.x`],
    ["the token is too long", `${"a".repeat(100_000)}.e30.x`],
    ["the token is empty", ""],
  ])("%s: %#", async (reason, token) => {
    const answer = await ask(strict, { ...withToken(token), secrets: [] });
    expect(reasonOf(answer)).toBe(reason);
    expect(answer.status).toBe(401);
    expect(answer.challenge).toContain('error="invalid_token"');
    if (token.length > 10) expect(answer.everything).not.toContain(token);
  });

  test.each(["null", '"text"', "7", "[]"])("a payload that is %s is malformed", async (payload) => {
    for (const header of [{ alg: "HS256" }, { alg: "HS256", typ: "JWT" }]) {
      const token = forgedToken(header, JSON.parse(payload), SECRET);
      const method = jwt({ secret: SECRET, algorithms: ["HS256"], requireExp: false });
      expect(reasonOf(await ask(method, withToken(token)))).toBe("the token is malformed");
    }
  });

  test("an expiry beyond all numbers is malformed, not eternal", async () => {
    const token = forgedToken({ alg: "HS256" }, "", SECRET).split(".");
    const payload = Buffer.from('{"sub":"alice","exp":1e999}').toString("base64url");
    const { createHmac } = await import("node:crypto");
    const signed = `${token[0]!}.${payload}`;
    const signature = createHmac("sha256", SECRET).update(signed).digest("base64url");
    const answer = await ask(bySecret, withToken(`${signed}.${signature}`));
    expect(reasonOf(answer)).toBe("the token's expiry is malformed");
  });
});

describe("an attack on the signature", () => {
  const claims = { sub: "alice", exp: now() + 300 };

  test.each(["none", "None", "NONE", ""])(
    "the algorithm %p is refused, signed or not",
    async (alg) => {
      for (const method of [bySecret, byPublicKey]) {
        const unsigned = forgedToken({ alg }, claims);
        expect(reasonOf(await ask(method, withToken(unsigned)))).toBe(
          "the token's algorithm is not allowed",
        );
        const signed = forgedToken({ alg }, claims, SECRET);
        expect(reasonOf(await ask(method, withToken(signed)))).toBe(
          "the token's algorithm is not allowed",
        );
      }
    },
  );

  test("a token without a signature is refused whatever its algorithm", async () => {
    const token = forgedToken({ alg: "HS256" }, claims);
    expect(reasonOf(await ask(bySecret, withToken(token)))).toBe("the token is not signed");
  });

  test("HS256 signed with the public key's text is refused", async () => {
    for (const text of [
      rsa.publicPem,
      rsa.publicPem.trim(),
      rsa.publicPem.replaceAll("\n", "\\n"),
    ]) {
      const token = forgedToken({ alg: "HS256", typ: "JWT" }, claims, text);
      expect(reasonOf(await ask(byPublicKey, withToken(token)))).toBe(
        "the token's algorithm is not allowed",
      );
    }
  });

  test("a key in the token's own header is not used", async () => {
    const stranger = rsaKey("rsa-1");
    const token = keyToken(stranger, {}, { jwk: stranger.jwk, jku: "https://evil.example/jwks" });
    expect(reasonOf(await ask(byPublicKey, withToken(token)))).toBe(
      "the token's signature is wrong",
    );
  });

  test("ES256 is refused where the key is RSA", async () => {
    const answer = await ask(byPublicKey, withToken(keyToken(ecKey("rsa-1"))));
    expect(reasonOf(answer)).toBe("the token's algorithm is not allowed");
  });

  test("an ES256 signature of the wrong length is refused", async () => {
    const ec = ecKey("ec-1");
    const method = jwt({ publicKey: ec.publicPem, algorithms: ["ES256"] });
    const [header, payload] = keyToken(ec).split(".");
    const answer = await ask(method, withToken(`${header!}.${payload!}.AAAA`));
    expect(reasonOf(answer)).toBe("the token's signature cannot be verified");
  });

  test("an ES256 signature of zeros is refused", async () => {
    const ec = ecKey("ec-1");
    const method = jwt({ publicKey: ec.publicPem, algorithms: ["ES256"] });
    const [header, payload] = keyToken(ec).split(".");
    const zeros = Buffer.alloc(64).toString("base64url");
    expect((await ask(method, withToken(`${header!}.${payload!}.${zeros}`))).status).toBe(401);
  });

  test("other claims under a good signature are refused", async () => {
    const [header, , signature] = keyToken(rsa).split(".");
    const payload = Buffer.from(JSON.stringify({ ...claims, sub: "bob" })).toString("base64url");
    const answer = await ask(byPublicKey, withToken(`${header!}.${payload}.${signature!}`));
    expect(reasonOf(answer)).toBe("the token's signature is wrong");
  });

  test("a critical extension that nobody understands is refused", async () => {
    const token = forgedToken({ alg: "HS256", crit: ["b64"], b64: false }, claims, SECRET);
    expect(reasonOf(await ask(bySecret, withToken(token)))).toBe(
      "the token needs an extension that is not supported",
    );
  });
});

describe("a token that is accepted", () => {
  test("the scheme may be written in any case, as HTTP says", async () => {
    for (const scheme of ["bearer", "BEARER", "Bearer"]) {
      const answer = await ask(bySecret, {
        headers: { authorization: `${scheme} ${secretToken()}` },
        secrets: [],
      });
      expect(principalOfAnswer(answer).id).toBe("alice");
    }
  });

  test("another scheme is no credential of this method", async () => {
    const answer = await ask(bySecret, { headers: { authorization: "Basic eDp5" }, secrets: [] });
    expect(answer.outcome.kind).toBe("no-credential");
  });

  test("clocks may differ by the tolerance, which is 10 seconds", async () => {
    const late = withToken(secretToken({ exp: now() - 5 }));
    expect(principalOfAnswer(await ask(bySecret, late)).id).toBe("alice");
    const early = withToken(secretToken({ nbf: now() + 5 }));
    expect(principalOfAnswer(await ask(bySecret, early)).id).toBe("alice");
    const exact = jwt({ secret: SECRET, algorithms: ["HS256"], clockTolerance: 0 });
    expect(reasonOf(await ask(exact, late))).toBe("the token has expired");
  });

  test("a token issued in the future by a clock that is ahead is accepted", async () => {
    const answer = await ask(bySecret, withToken(secretToken({ iat: now() + 3600 })));
    expect(principalOfAnswer(answer).id).toBe("alice");
  });

  test("a token without an expiry is accepted where that is allowed", async () => {
    const method = jwt({ secret: SECRET, algorithms: ["HS256"], requireExp: false });
    const principal = principalOfAnswer(
      await ask(method, withToken(secretToken({ exp: undefined }))),
    );
    expect(principal).not.toHaveProperty("expiresAt");
  });

  test("tools see the token", async () => {
    const token = secretToken();
    const { outcome } = await ask(bySecret, withToken(token));
    expect(outcome.kind === "authenticated" && outcome.caller.authInfo?.token).toBe(token);
  });

  test("a caller with the needed scopes is let in", async () => {
    const method = jwt({ secret: SECRET, algorithms: ["HS256"], scopes: ["a", "b"] });
    const answer = await ask(method, withToken(secretToken({ scope: "a", scp: ["b"] })));
    expect(principalOfAnswer(answer).scopes).toEqual(["a", "b"]);
  });
});
