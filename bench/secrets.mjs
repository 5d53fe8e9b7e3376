import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync } from "node:crypto";

const API_KEYS = 50;
const USERS = 250;

/** Everything that servers and clients must agree on. Worth nothing beyond the run. */
export function createSecrets() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return {
    secret: derive("secret"),
    publicKey,
    privateKey,
    audience: "bench",
    apiKeys: list(API_KEYS, (index) => ({ id: `key-${index}`, key: derive(`key ${index}`) })),
    users: list(USERS, (index) => [`user-${index}`, derive(`password ${index}`)]),
  };
}

function list(length, make) {
  return Array.from({ length }, (_, index) => make(index));
}

/** Text that looks like a secret: 43 characters of 32 bytes. */
function derive(name) {
  return createHmac("sha256", Buffer.from("express-mcp-sse bench"))
    .update(name)
    .digest("base64url");
}
