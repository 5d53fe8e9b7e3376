import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import jsonwebtoken from "jsonwebtoken";
import { bearer, statusOf, whoami } from "../support/client.js";
import { createKeyPair } from "../support/key-pair.js";

// The identity provider: it signs with private keys, and publishes the public halves.
function createKey(kid: string) {
  const { publicKey, privateKey } = createKeyPair();
  return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig" } };
}
const published = createKey("2026-04");
const unpublished = createKey("unknown");
const provider = createServer((req, res) => {
  if (req.url !== "/.well-known/jwks.json") res.writeHead(404).end();
  else
    res
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ keys: [published.jwk] }));
});
await once(provider.listen(0, "127.0.0.1"), "listening");
const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;

Object.assign(process.env, {
  PORT: "0",
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: "my-mcp-server",
  CORS_ORIGINS: "https://app.mycompany.com",
});
const { server } = await import("./server.js");
const url = server.url!;

function tokenBy({ privateKey, kid } = published, audience = "my-mcp-server"): string {
  return jsonwebtoken.sign({}, privateKey, {
    ...{ subject: "alice", issuer, audience, keyid: kid },
    ...{ expiresIn: "5m", algorithm: "RS256" },
  });
}

assert.equal(await whoami(url, bearer(tokenBy())), "alice");
assert.equal(await statusOf(url, bearer(tokenBy(unpublished))), 401);
assert.equal(await statusOf(url, bearer(tokenBy(published, "another-server"))), 401);

const page = { ...bearer(tokenBy()), origin: "https://app.mycompany.com" };
assert.equal(await statusOf(url, page), 200);
assert.equal(await statusOf(url, { ...page, origin: "https://elsewhere.example" }), 403);

process.emit("SIGTERM");
provider.close();
