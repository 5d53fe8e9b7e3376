import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A new RSA key. */
export function rsaKeyPair(modulusLength = 2048): KeyPair {
  return readAgain(
    generateKeyPairSync("rsa", {
      modulusLength,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    }),
  );
}

/** A new key on the curve P-256. */
export function ecKeyPair(): KeyPair {
  return readAgain(
    generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    }),
  );
}

/**
 * Keys that were read, not made. Node 20 may never return from exporting a new key as a JWK: when
 * the garbage collector comes meanwhile, it waits for the key to end the job that made it.
 */
function readAgain({ publicKey, privateKey }: Record<keyof KeyPair, string>): KeyPair {
  return { publicKey: createPublicKey(publicKey), privateKey: createPrivateKey(privateKey) };
}
