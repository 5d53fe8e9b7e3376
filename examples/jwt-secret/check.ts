import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import { bearer, statusOf, whoami } from "../support/client.js";

const secret = randomBytes(32).toString("base64url");
Object.assign(process.env, { PORT: "0", JWT_SECRET: secret });

const { server } = await import("./server.js");
const url = server.url!;

function tokenFor(subject: string, { audience = "my-mcp-server", key = secret } = {}): string {
  const options = { subject, audience, issuer: "my-auth-service", expiresIn: "5m" } as const;
  return jsonwebtoken.sign({}, key, options);
}

assert.equal(await whoami(url, bearer(tokenFor("alice"))), "alice");
assert.equal(await whoami(url, bearer(tokenFor("bob"))), "bob");
assert.equal(await statusOf(url), 401);
assert.equal(await statusOf(url, bearer(tokenFor("alice", { audience: "another" }))), 401);
assert.equal(await statusOf(url, bearer(tokenFor("alice", { key: "not the secret" }))), 401);

process.emit("SIGTERM");
