import { createHash, createPublicKey, verify } from "node:crypto";
import { jwt } from "../../../strategies/jwt.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

import { JwksServer } from "../../kit/jwks-server.js";
import { claims, ecKey, keyToken, rsaKey } from "../../kit/tokens.js";
import type { TestKey } from "../../kit/tokens.js";
import { withToken, principalOfAnswer, probe, reasonOf } from "../../kit/auth-probe.js";

cleanUpAfterEach();
cleanUpAfterEach();

const UNKNOWN_KEY = "the token's key is not one of its issuer's";
const rsa = rsaKey("rsa-1");
const ec = ecKey("ec-1");

/** A server that verifies tokens with a published key set. */
async function setUp(keys: unknown) {
  const host = await JwksServer.start();
  onDispose(() => host.stop());
  host.keys = keys as object[];
  const server = await probe(jwt({ jwksUri: host.url, algorithms: ["RS256", "ES256"] }));
  return { host, server };
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

/** A token "signed" with no key at all, which is good for every RSA key whose exponent is 1. */
function selfSigned(kid: string): string {
  const signed = `${encode({ alg: "RS256", kid })}.${encode(claims())}`;
  const prefix = Buffer.from("3031300d060960864801650304020105000420", "hex");
  const digest = Buffer.concat([prefix, createHash("sha256").update(signed).digest()]);
  const padding = Buffer.alloc(256 - 3 - digest.length, 0xff);
  const signature = Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), digest]);
  return `${signed}.${signature.toString("base64url")}`;
}

describe("a published key set", () => {
  it.each([
    ["an exponent of 1", { ...rsa.jwk, e: "AQ" }],
    ["an exponent of 0", { ...rsa.jwk, e: "AA" }],
    ["an even exponent", { ...rsa.jwk, e: "Ag" }],
    ["an exponent of many digits", { ...rsa.jwk, e: "AQABAQABAQABAQAB" }],
    ["no exponent", { ...rsa.jwk, e: undefined }],
    ["a short modulus", rsaKey("short", 1024).jwk],
    ["no modulus", { ...rsa.jwk, n: "" }],
    ["a modulus that is no text", { ...rsa.jwk, n: 5 }],
    ["a point that is not on its curve", { ...ec.jwk, y: ec.jwk.x }],
    ["a curve that does not go with its algorithm", { ...ec.jwk, alg: "ES384" }],
    ["a secret", { kty: "oct", k: "c2VjcmV0", alg: "HS256" }],
    ["a use that is not signing", { ...rsa.jwk, use: "enc" }],
    ["operations without verifying", { ...rsa.jwk, use: undefined, key_ops: ["encrypt"] }],
    ["an algorithm for encryption", { ...rsa.jwk, use: undefined, alg: "RSA-OAEP" }],
  ])("AUTH-16: holds no usable key in one with %s, and its others are good", async (_what, bad) => {
    const good = rsaKey("good");
    const { server } = await setUp([{ ...bad, kid: "bad" }, good.jwk]);
    for (const token of [selfSigned("bad"), keyToken(rsa, {}, { kid: "bad" })]) {
      expect(reasonOf(await server.send(withToken(token)))).toBe(UNKNOWN_KEY);
    }
    expect(principalOfAnswer(await server.send(withToken(keyToken(good)))).id).toBe("alice");
  });

  it("would let everybody in with a key whose exponent is 1, but for that", () => {
    const key = createPublicKey({ key: { ...rsa.jwk, e: "AQ" }, format: "jwk" });
    const [header = "", payload = "", signature = ""] = selfSigned("bad").split(".");
    const bytes = Buffer.from(signature, "base64url");
    expect(verify("sha256", Buffer.from(`${header}.${payload}`), key, bytes)).toBe(true);
  });

  it.each([[null], [7], ["text"], [[]], [true]])(
    "AUTH-16: may have an entry that is no object, such as %j",
    async (entry) => {
      const { server } = await setUp([entry, rsa.jwk]);
      expect(principalOfAnswer(await server.send(withToken(keyToken(rsa)))).id).toBe("alice");
    },
  );

  it.each([[null], [{}], ["keys"], [[null]]])(
    "AUTH-16: that is %j is an outage, and no verdict on a token",
    async (keys) => {
      const { server } = await setUp(keys);
      expect((await server.send(withToken(keyToken(rsa)))).status).toBe(503);
    },
  );
});

describe("a token without a key id", () => {
  const others: readonly (readonly [string, object])[] = [
    ["for encryption by its use", { ...rsaKey("2").jwk, use: "enc" }],
    [
      "for encryption by its operations",
      { ...rsaKey("2").jwk, use: undefined, key_ops: ["wrapKey"] },
    ],
    ["for another algorithm", { ...rsaKey("2").jwk, alg: "PS256" }],
    ["of another type", ec.jwk],
    ["of a type that is not taken here", { kty: "OKP", crv: "Ed25519", x: "AAAA" }],
    ["that is too weak", rsaKey("2", 1024).jwk],
  ];
  it.each(others)("AUTH-16: is verified beside a key %s", async (_what, other) => {
    const { server } = await setUp([other, rsa.jwk]);
    const token = keyToken(rsa, {}, { kid: undefined });
    expect(principalOfAnswer(await server.send(withToken(token))).id).toBe("alice");
  });

  it.each<readonly [TestKey]>([[rsaKey("2")]])(
    "AUTH-16: is refused beside another key that could verify it",
    async (other) => {
      const { server } = await setUp([rsa.jwk, other.jwk, ec.jwk]);
      for (const key of [rsa, other]) {
        const token = keyToken(key, {}, { kid: undefined });
        expect(reasonOf(await server.send(withToken(token)))).toMatch(/names no key/);
      }
      expect((await server.send(withToken(keyToken(ec, {}, { kid: undefined })))).status).toBe(200);
    },
  );
});
