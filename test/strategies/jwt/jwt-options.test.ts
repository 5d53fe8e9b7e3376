import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import { jwt } from "../../../strategies/jwt.js";
import type { JwtOptions } from "../../../strategies/jwt.js";
import { ecKey, keyToken, rsaKey, SECRET, secretToken } from "../../kit/tokens.js";
import { ask, withToken, principalOfAnswer } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

const rsa = rsaKey("rsa-1");
const ec = ecKey("ec-1");
const JWKS_URI = "https://auth.example/jwks.json";

cleanUpAfterEach();

/** An RSA key that was made to be weak, as PEM text. */
function withExponent(e: string): string {
  const key = createPublicKey({ key: { ...rsa.jwk, e }, format: "jwk" });
  return key.export({ format: "pem", type: "spki" }).toString();
}

/** Options as JavaScript may pass them. */
function build(options: unknown, path?: string) {
  return jwt(options as JwtOptions, path);
}

describe("options of jwt that are wrong", () => {
  const ed25519 = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { format: "pem", type: "spki" },
    privateKeyEncoding: { format: "pem", type: "pkcs8" },
  });
  const short = rsaKey("short", 1024);
  const hs = { algorithms: ["HS256"] };
  const rs = { algorithms: ["RS256"] };
  const cases: Record<string, [options: unknown, message: RegExp]> = {
    "no options": [undefined, /^auth\.options must be an object\. It takes: secret,/],
    "no key": [hs, /^auth\.options has no key\. Write one of: secret, publicKey, jwksUri\./],
    "an unset secret": [
      { secret: undefined, ...hs },
      /^auth\.options\.secret is undefined\. .*environment/,
    ],
    "an empty secret": [
      { secret: " ", ...hs },
      /^auth\.options\.secret must be a non-empty string/,
    ],
    "two keys": [
      { secret: SECRET, publicKey: rsa.publicPem, ...hs },
      /^auth\.options has more than one key: secret and publicKey/,
    ],
    "no algorithms": [
      { secret: SECRET },
      /^auth\.options\.algorithms must name .* Write \["HS256"\]/,
    ],
    "empty algorithms": [{ publicKey: rsa.publicPem, algorithms: [] }, /Write \["RS256"\]/],
    "algorithms as text": [{ secret: SECRET, algorithms: "HS256" }, /algorithms must name/],
    "the algorithm none": [
      { secret: SECRET, algorithms: ["none"] },
      /of those that go with secret/,
    ],
    "none beside another": [{ secret: SECRET, algorithms: ["HS256", "none"] }, /go with secret/],
    "RS256 with a secret": [{ secret: SECRET, ...rs }, /Write one or more of: HS256, HS384, HS512/],
    "HS256 with a public key": [
      { publicKey: rsa.publicPem, ...hs },
      /of those that go with publicKey/,
    ],
    "HS256 with a key set": [{ jwksUri: JWKS_URI, ...hs }, /of those that go with jwksUri/],
    "a public key as secret": [
      { secret: rsa.publicPem, ...hs },
      /secret is a PEM key, not a secret/,
    ],
    "a private key": [{ publicKey: rsa.privatePem, ...rs }, /publicKey is a private key/],
    "no PEM": [
      { publicKey: "MIIB-but-not-really", ...rs },
      /publicKey is not a public key in PEM form/,
    ],
    "a short RSA key": [{ publicKey: short.publicPem, ...rs }, /RSA key of less than 2048 bits/],
    "an RSA key with which everybody can sign": [
      { publicKey: withExponent("AQ"), ...rs },
      /RSA key with an exponent that no sound key has/,
    ],
    "an RSA key with an even exponent": [
      { publicKey: withExponent("Ag"), ...rs },
      /RSA key with an exponent that no sound key has/,
    ],
    "an EC key for RS256": [
      { publicKey: ec.publicPem, ...rs },
      /type ec \(prime256v1\), which cannot verify RS256\. Write algorithms it can: ES256\./,
    ],
    "an RSA key for ES256": [
      { publicKey: rsa.publicPem, algorithms: ["RS256", "ES256"] },
      /type rsa, which cannot verify ES256/,
    ],
    "a key for no algorithm here": [
      { publicKey: ed25519.publicKey, ...rs },
      /type ed25519, .* Use an RSA key/,
    ],
    "a jwksUri without a host": [
      { jwksUri: "undefined/.well-known/jwks.json", ...rs },
      /jwksUri is not a URL\. .*environment/,
    ],
    "a jwksUri over http": [{ jwksUri: "http://auth.example/jwks", ...rs }, /must be an https URL/],
    "a jwksUri on a host that looks like loopback": [
      { jwksUri: "http://127.0.0.1.example/jwks", ...rs },
      /must be an https URL/,
    ],
    "a jwksUri with a password": [
      { jwksUri: "https://user:hunter22@auth.example/jwks", ...rs },
      /must not contain a user name/,
    ],
    "an unset issuer": [{ secret: SECRET, ...hs, issuer: undefined }, /issuer is undefined/],
    "an unset audience": [{ secret: SECRET, ...hs, audience: undefined }, /audience is undefined/],
    "no issuer in a list": [{ secret: SECRET, ...hs, issuer: [] }, /issuer is an empty list/],
    "an unset audience in a list": [
      { secret: SECRET, ...hs, audience: ["a", undefined] },
      /audience\[1\] is undefined/,
    ],
    "a clock tolerance in milliseconds": [
      { secret: SECRET, ...hs, clockTolerance: 10_000 },
      /clockTolerance must be a number from 0 to 300/,
    ],
    "requireExp as text": [
      { secret: SECRET, ...hs, requireExp: "false" },
      /requireExp must be true or/,
    ],
    "scopes in one text": [{ secret: SECRET, ...hs, scopes: ["a b"] }, /Write one entry for each/],
    "a time-out of nothing": [
      { secret: SECRET, ...hs, timeoutMs: 0 },
      /timeoutMs must be a number/,
    ],
    "a misspelt option": [{ secret: SECRET, ...hs, audiance: "x" }, /audiance is not an option/],
  };

  test.each(Object.entries(cases))(
    "%s: a TypeError says what to write",
    (_what, [options, message]) => {
      expect(() => build(options)).toThrow(TypeError);
      expect(() => build(options)).toThrow(message);
    },
  );

  test.each(Object.entries(cases))("%s: the error shows no key material", (_what, [options]) => {
    const secrets = [SECRET, "hunter22", "MIIB", rsa.publicPem.slice(40, 80)];
    let printed = "";
    try {
      build(options);
    } catch (error) {
      printed = inspect(error, { depth: null, showHidden: true });
    }
    for (const secret of secrets) {
      expect(printed).not.toContain(secret);
    }
  });

  test("the place of an entry in a list is named", () => {
    expect(() => build({ algorithms: ["HS256"] }, "auth[1].options")).toThrow(
      /^auth\[1\]\.options has/,
    );
  });
});

describe("options of jwt that are right", () => {
  test("a secret verifies each of its algorithms", async () => {
    const method = jwt({ secret: SECRET, algorithms: ["HS256", "HS384", "HS512"] });
    for (const algorithm of ["HS256", "HS384", "HS512"] as const) {
      const answer = await ask(method, withToken(secretToken({}, { algorithm })));
      expect(principalOfAnswer(answer).id).toBe("alice");
    }
  });

  test("a public key may have its line breaks as an environment variable holds them", async () => {
    const publicKey = rsa.publicPem.replaceAll("\n", "\\n");
    const method = jwt({ publicKey, algorithms: ["RS256", "PS256"] });
    expect(principalOfAnswer(await ask(method, withToken(keyToken(rsa)))).id).toBe("alice");
    const pss = { ...rsa, algorithm: "PS256" } as const;
    expect(principalOfAnswer(await ask(method, withToken(keyToken(pss)))).id).toBe("alice");
  });

  test("an elliptic key verifies ES256", async () => {
    const method = jwt({ publicKey: ec.publicPem, algorithms: ["ES256"] });
    expect(principalOfAnswer(await ask(method, withToken(keyToken(ec)))).id).toBe("alice");
  });

  test("a key for RSA-PSS verifies PS256 and nothing else", () => {
    const { publicKey } = generateKeyPairSync("rsa-pss", {
      modulusLength: 2048,
      publicKeyEncoding: { format: "pem", type: "spki" },
      privateKeyEncoding: { format: "pem", type: "pkcs8" },
    });
    expect(jwt({ publicKey, algorithms: ["PS256"] }).name).toBe("jwt");
    expect(() => jwt({ publicKey, algorithms: ["RS256"] })).toThrow(/cannot verify RS256/);
  });

  test("one of several issuers and one of several audiences suffice", async () => {
    const method = jwt({
      secret: SECRET,
      algorithms: ["HS256"],
      issuer: ["https://a.example", "https://b.example"],
      audience: ["mcp", "mcp-next"],
    });
    const token = secretToken({ iss: "https://b.example", aud: ["other", "mcp-next"] });
    expect(principalOfAnswer(await ask(method, withToken(token))).issuer).toBe("https://b.example");
  });

  test("plain http is fine for a key set on loopback", () => {
    for (const host of ["localhost:1", "127.0.0.1:1", "[::1]:1"]) {
      expect(jwt({ jwksUri: `http://${host}/jwks`, algorithms: ["RS256"] }).name).toBe("jwt");
    }
  });

  test("a short secret works, and the operator hears of it without seeing it", async () => {
    const secret = "short-secret";
    const method = jwt({ secret, algorithms: ["HS256", "HS512"] });
    expect(method.warnings).toEqual([
      expect.stringMatching(/^auth\.options\.secret is shorter than the 64 bytes/),
    ]);
    expect(String(method.warnings)).not.toContain(secret);
    const answer = await ask(method, withToken(secretToken({}, { secret })));
    expect(principalOfAnswer(answer).id).toBe("alice");
  });

  test("a secret of full length is nothing to report", () => {
    expect(jwt({ secret: SECRET, algorithms: ["HS512"] }).warnings).toEqual([]);
  });

  test("the operator hears of a public key without an audience", () => {
    const { warnings } = jwt({ publicKey: rsa.publicPem, algorithms: ["RS256"] });
    expect(warnings).toEqual([expect.stringMatching(/^auth\.options\.audience is not set/)]);
  });
});
