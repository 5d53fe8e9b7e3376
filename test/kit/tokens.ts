import { createHmac, createSecretKey } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import type { Algorithm, JwtPayload } from "jsonwebtoken";
import { ecKeyPair, rsaKeyPair } from "./key-pairs.js";

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

export const now = (): number => Math.floor(Date.now() / 1000);

/** A secret of the length that HS512 asks for. */
export const SECRET = "a-shared-secret-for-tests-that-is-at-least-as-long-as-sha-512-is";

/** A key pair in the forms that tests need it in. */
export interface TestKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicPem: string;
  readonly privatePem: string;
  /** The public half as an issuer publishes it. */
  readonly jwk: JsonWebKey;
}

/** An RSA key; a short one for tests that it is refused. */
export function rsaKey(kid: string, modulusLength = 2048): TestKey {
  return testKey(kid, "RS256", rsaKeyPair(modulusLength));
}

/** An elliptic key on the curve of ES256. */
export function ecKey(kid: string): TestKey {
  return testKey(kid, "ES256", ecKeyPair());
}

function testKey(
  kid: string,
  algorithm: Algorithm,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
): TestKey {
  return {
    kid,
    algorithm,
    privateKey,
    publicKey,
    publicPem: publicKey.export({ format: "pem", type: "spki" }).toString(),
    privatePem: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: algorithm },
  };
}

let serial = 0;

/** Claims of a good token for alice; `undefined` takes a claim away. No two are the same. */
export function claims(change: JwtPayload = {}): JwtPayload {
  const now = Math.floor(Date.now() / 1000);
  const all = { sub: "alice", iat: now, exp: now + 300, jti: `token-${serial++}`, ...change };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A token signed with {@link SECRET}, or another secret. */
export function secretToken(
  change: JwtPayload = {},
  { secret = SECRET, algorithm = "HS256" }: { secret?: string; algorithm?: Algorithm } = {},
): string {
  // A text would be tried as a private key first, which takes longer than the rest.
  return jsonwebtoken.sign(claims(change), createSecretKey(secret, "utf8"), { algorithm });
}

/** A token signed with a private key; its header names the key unless told otherwise. */
export function keyToken(key: TestKey, change: JwtPayload = {}, header: object = {}): string {
  return jsonwebtoken.sign(claims(change), key.privateKey, {
    algorithm: key.algorithm,
    header: { alg: key.algorithm, kid: key.kid, ...header },
  });
}

/** A token put together by hand, for what no library would sign. */
export function forgedToken(header: unknown, payload: unknown, secret?: string): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature =
    secret === undefined ? "" : createHmac("sha256", secret).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
