import { createRedact } from "../../src/doctor/fingerprint.js";
import { shapeFault } from "../../src/doctor/credential-shape.js";
import type { Credential } from "../../src/doctor/contract.js";
import { dateText, distanceText } from "../../src/doctor/moment.js";
import { readChallenges } from "../../src/doctor/read-challenge.js";
import { isBoundToKey, readToken } from "../../src/doctor/read-token.js";
import { topicOf } from "../../src/doctor/topics.js";
import { checkTokenKind, checkTokenType } from "../../strategies/shared/token-kind.js";
import { forgedToken } from "../kit/tokens.js";

/** Headers and claims of tokens of many issuers, and what they are. */
const TOKENS: readonly (readonly [string, object, object])[] = [
  ["access", { typ: "at+jwt" }, {}],
  ["access", { typ: "application/at+jwt" }, { nonce: "n", scope: "a" }],
  ["access", { typ: "JWT" }, { scp: ["a"] }],
  ["access", {}, { token_use: "access" }],
  ["access", {}, { typ: "Bearer", auth_time: 1 }],
  ["unknown", {}, { sub: "alice" }],
  ["unknown", { typ: "jwt" }, { azp: "client", aud: "client", auth_time: 1 }],
  ["id", {}, { nonce: "n" }],
  ["id", {}, { at_hash: "h", scope: "a" }],
  ["id", {}, { typ: "ID" }],
  ["id", {}, { token_use: "id", "cognito:username": "a" }],
  ["id", { typ: "at+jwt" }, { type: "id-token" }],
  ["refresh", {}, { typ: "Refresh", scope: "a" }],
  ["refresh", {}, { typ: "Offline" }],
  ["refresh", {}, { token_type: "refresh" }],
  ["logout", { typ: "logout+jwt" }, {}],
  ["logout", {}, { events: {} }],
  ["other", { typ: "dpop+jwt" }, {}],
  ["other", { typ: 7 }, { scope: "a" }],
  ["other", {}, { token_use: "something" }],
];

describe("what kind of token it is", () => {
  it.each(TOKENS)("%s: %j %j, as the strategies judge it", (purpose, header, claims) => {
    const read = readToken(forgedToken({ alg: "RS256", ...header }, claims, "any"));
    expect(read).toMatchObject({ form: "jwt", purpose });
    const isTaken = purpose === "access" || purpose === "unknown";
    const judge = (): void => {
      checkTokenType((header as { typ?: unknown }).typ);
      checkTokenKind(claims as Record<string, unknown>);
    };
    if (isTaken) expect(judge).not.toThrow();
    else expect(judge).toThrow("that is no access token");
  });

  it("a token is bound to a key if the strategies say so", () => {
    for (const claims of [{ cnf: {} }, { token_type: "DPoP" }, { token_type: "pop" }]) {
      expect(isBoundToKey(claims)).toBe(true);
      expect(() => checkTokenKind(claims)).toThrow("bound to a key");
    }
  });

  it("what is no JWT is opaque, and a megabyte is not decoded", () => {
    expect(readToken("a.b.c")).toEqual({ form: "opaque" });
    expect(readToken("")).toEqual({ form: "opaque" });
    expect(readToken(forgedToken({ alg: "RS256" }, { pad: "x".repeat(1_000_000) }))).toEqual({
      form: "too-long",
    });
  });
});

describe("challenges", () => {
  const read = (field: string) =>
    readChallenges(field).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

  it("are read as clients send and servers write them", () => {
    expect(read('Bearer realm="a, b", error=invalid_token , ApiKey realm="mcp"')).toEqual([
      ["bearer", { realm: "a, b", error: "invalid_token" }],
      ["apikey", { realm: "mcp" }],
    ]);
    expect(read('Bearer resource_metadata="https://a/\\"b\\""')).toEqual([
      ["bearer", { resource_metadata: 'https://a/"b"' }],
    ]);
    expect(read("Negotiate, Basic realm=x")).toEqual([
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ]);
    expect(read("")).toEqual([]);
    expect(readChallenges(null)).toEqual([]);
  });

  it("that are none end the reading, and long ones take no time", () => {
    expect(read('Bearer realm="never closed')).toEqual([["bearer", {}]]);
    expect(read("===,,,")).toEqual([]);
    const begin = performance.now();
    read(`Bearer ${'a="'.repeat(200_000)}`);
    read(`${"a ".repeat(500_000)}=`);
    read(`Bearer a="${"\\".repeat(1_000_000)}`);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });

  it("names such as __proto__ are names", () => {
    const [challenge] = readChallenges('Bearer __proto__="x", constructor="y"');
    expect([...challenge!.params]).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });
});

describe("times", () => {
  const now = 1_800_000_000_000;

  it("are dates, with how far away they are", () => {
    expect(dateText(1_800_000_000.9)).toBe("2027-01-15T08:00:00Z");
    expect(distanceText(now + 3 * 3_600_000, now)).toBe("in 3 h");
    expect(distanceText(now - 2 * 86_400_000, now)).toBe("2 d ago");
    expect(distanceText(now - 90_000, now)).toBe("90 s ago");
  });

  it("that are none are none", () => {
    for (const value of [undefined, null, "1800000000", NaN, Infinity, 1e300, {}, []]) {
      expect(dateText(value)).toBeUndefined();
    }
  });
});

describe("the text of a credential", () => {
  const bearer = (value: string): Credential => ({ kind: "bearer", value });
  const header = (name: string, value: string): Credential => ({ kind: "header", name, value });

  it.each<[string | undefined, Credential]>([
    ["placeholder", bearer("${API_KEY}")],
    ["placeholder", bearer("YOUR_API_KEY")],
    ["placeholder", bearer("your-token-here")],
    ["placeholder", bearer("<token>")],
    ["placeholder", bearer("undefined")],
    ["placeholder", bearer("$TOKEN")],
    ["placeholder", bearer("xxxxxxxx")],
    ["placeholder", header("X-API-Key", "%API_KEY%")],
    ["placeholder", header("Authorization", "Bearer {{token}}")],
    ["placeholder", { kind: "query", name: "key", value: "${input:key}" }],
    ["quotes", bearer('"abc"')],
    ["quotes", header("X-API-Key", "'abc'")],
    ["scheme-twice", bearer("Bearer abc")],
    ["scheme-twice", header("Authorization", "Bearer bearer abc")],
    ["scheme-twice", header("X-API-Key", "Bearer abc")],
    ["scheme-missing", header("authorization", "abc")],
    ["twice", header("X-API-Key", "abc, abc")],
    ["empty", header("Authorization", "Bearer ")],
    [undefined, bearer("abc")],
    [undefined, bearer("$2b$10$abc")],
    [undefined, header("Authorization", "Basic YWJj")],
    [undefined, header("X-API-Key", "abc, abd")],
    [undefined, bearer(forgedToken({ alg: "RS256" }, { sub: "YOUR_API_KEY" }, "any"))],
  ])("%s: %j", (fault, credential) => {
    expect(shapeFault(credential)).toBe(fault);
  });
});

describe("what servers say of a refused credential", () => {
  it.each([
    ["expired", "jwt expired"],
    ["expired", "Signature has expired"],
    ["expired", '"exp" claim timestamp check failed'],
    [
      "expired",
      "The credential was refused: the token has expired. Searched: Authorization: Bearer.",
    ],
    ["audience", "jwt audience invalid. expected: https://a"],
    ["audience", 'unexpected "aud" claim value'],
    ["audience", "Audience doesn't match"],
    ["audience", "the token is not meant for this server"],
    ["issuer", "jwt issuer invalid. expected: https://a"],
    ["issuer", 'unexpected "iss" claim value'],
    ["issuer", "the token's issuer is not accepted"],
    ["key", "the token's key is not one of its issuer's"],
    ["key", "no applicable key found in the JSON Web Key Set"],
    ["key", "Unable to find a signing key that matches: 'k1'"],
    ["algorithm", "the token's algorithm is not one of its issuer's"],
    ["algorithm", "invalid algorithm"],
    ["signature", "invalid signature"],
    ["signature", "signature verification failed"],
    ["not-yet-valid", "jwt not active"],
    ["not-yet-valid", "The token is not yet valid (nbf)"],
    ["no-expiry", "the token has no expiry"],
    ["no-expiry", 'missing required "exp" claim'],
    ["inactive", "the issuer says that the token is not active"],
    ["purpose", "that is no access token"],
    ["malformed", "jwt malformed"],
    ["malformed", "Not enough segments"],
    ["unsigned", "the token is not signed"],
    ["bound", "the token is bound to a key, and no proof of it was sent"],
    ["in-url", "an access token must not be in the URL"],
    ["api-key-unknown", "Invalid API key"],
    ["api-key-unknown", "the API key is not known"],
    ["api-key-expired", "the API key has expired"],
    [undefined, "Unauthorized"],
    [undefined, "invalid_token"],
    [undefined, ""],
  ])("%s: %s", (topic, words) => {
    expect(topicOf({ code: "invalid_token", words })).toBe(topic);
  });

  it("is not looked at for long", () => {
    const begin = performance.now();
    for (const text of ["no ", "missing exp", "exp ", '"'] as const) {
      topicOf({ code: "", words: text.repeat(300_000) });
    }
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

it("what is shown of a claim is not taken for a piece of the token", () => {
  const token = forgedToken(
    { alg: "RS256" },
    { aud: "https://api.example.com/a-long-path" },
    "any",
  );
  const redact = createRedact({
    url: new URL("http://127.0.0.1/"),
    credentials: [{ kind: "bearer", value: token }],
  });
  expect(redact('Its aud is "https://api.example.com/a-long-path".')).toContain("a-long-path");
});
