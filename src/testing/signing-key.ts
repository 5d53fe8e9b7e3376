import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";
import type { PublicKeyAlgorithm } from "../../strategies/jwt/key-material.js";

/** A key that signs tokens. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: PublicKeyAlgorithm;
  readonly privateKey: KeyObject;
  /** The public half, as an issuer publishes it. */
  readonly jwk: JsonWebKey;
}

/** The curve of each algorithm that has one; the others are RSA's. @see RFC 7518, section 3.4 */
const CURVES: Readonly<Partial<Record<PublicKeyAlgorithm, string>>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
};

const RSA_BITS = 2048;

const ENCODINGS = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;

/**
 * A new key. It is read from its PEM: Node 20 may never return from exporting a key as a JWK that it has just made.
 */
export async function createSigningKey(
  kid: string,
  algorithm: PublicKeyAlgorithm,
): Promise<SigningKey> {
  const privateKey = createPrivateKey(await privatePem(algorithm));
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  return { kid, algorithm, privateKey, jwk: { ...jwk, kid, use: "sig", alg: algorithm } };
}

async function privatePem(algorithm: PublicKeyAlgorithm): Promise<string> {
  const namedCurve = CURVES[algorithm];
  return await new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: string, privateKey: string): void =>
      error === null ? resolve(privateKey) : reject(error);
    if (namedCurve !== undefined) generateKeyPair("ec", { namedCurve, ...ENCODINGS }, done);
    else generateKeyPair("rsa", { modulusLength: RSA_BITS, ...ENCODINGS }, done);
  });
}
