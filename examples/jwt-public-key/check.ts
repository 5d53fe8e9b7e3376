import assert from "node:assert/strict";
import jsonwebtoken from "jsonwebtoken";
import { bearer, statusOf, whoami } from "../support/client.js";
import { createKeyPair } from "../support/key-pair.js";

const issuerKeys = createKeyPair();
const otherKeys = createKeyPair();
const pem = issuerKeys.publicKey.export({ type: "spki", format: "pem" }).toString();
Object.assign(process.env, { PORT: "0", JWT_PUBLIC_KEY: pem.replaceAll("\n", "\\n") });

const { server } = await import("./server.js");
const url = server.url!;

function tokenBy({ privateKey } = issuerKeys, issuer = "https://auth.mycompany.com"): string {
  const options = { subject: "alice", issuer, expiresIn: "5m", algorithm: "RS256" } as const;
  return jsonwebtoken.sign({}, privateKey, options);
}

assert.equal(await whoami(url, bearer(tokenBy())), "alice");
assert.equal(await statusOf(url, bearer(tokenBy(otherKeys))), 401);
assert.equal(await statusOf(url, bearer(tokenBy(issuerKeys, "https://elsewhere.example"))), 401);

process.emit("SIGTERM");
