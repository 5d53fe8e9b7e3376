import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";

/**
 * A new RSA key, read from PEM: Node 20 may never return from exporting a key as a JWK that was
 * generated just now.
 */
export function createKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { publicKey: createPublicKey(publicKey), privateKey: createPrivateKey(privateKey) };
}
