import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { statusOf, whoami } from "../support/client.js";

const key = randomBytes(24).toString("hex");
Object.assign(process.env, { PORT: "0", SESSION_SECRET: "a secret", API_KEY_1: key });

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;

function login(password: string): Promise<Response> {
  return fetch(`${origin}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "ada", password }),
  });
}

// The app's own login works as before ...
assert.equal((await login("wrong")).status, 401);
const signedIn = await login("lovelace");
assert.equal(signedIn.status, 200);
const cookie = signedIn.headers.get("set-cookie")!.split(";", 1)[0]!;
assert.equal(await statusOf(`${origin}/profile`), 401);
const profile = await fetch(`${origin}/profile`, { headers: { cookie } });
assert.deepEqual(await profile.json(), { id: "ada" });

// ... and is no way into the MCP endpoint, nor is an API key a login.
assert.equal(await statusOf(`${origin}/mcp/sse`, { cookie }), 401);
assert.equal(await statusOf(`${origin}/profile`, { "x-api-key": key }), 401);
assert.equal(await whoami(`${origin}/mcp/sse`, { "x-api-key": key }), "reporting");

// The guard asks for the same keys.
assert.equal(await statusOf(`${origin}/report`, { cookie }), 401);
const report = await fetch(`${origin}/report`, { headers: { "x-api-key": key } });
assert.deepEqual(await report.json(), { madeFor: "reporting" });

process.emit("SIGTERM");
