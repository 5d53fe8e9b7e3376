import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { statusOf, whoami } from "../support/client.js";

process.env.PORT = "0";

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp/sse`;

function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` };
}

assert.equal(await whoami(url, basic("ada", "lovelace")), "ada, analyst");
assert.equal(await statusOf(url, basic("ada", "wrong")), 401);
const stranger = await fetch(url);
assert.equal(stranger.status, 401);
assert.equal(stranger.headers.get("www-authenticate"), 'Basic realm="staff"');

process.emit("SIGTERM");
