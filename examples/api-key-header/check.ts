import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { bearer, statusOf, whoami } from "../support/client.js";

const [key1, key2, unknown] = Array.from({ length: 3 }, () => randomBytes(24).toString("hex"));
Object.assign(process.env, { PORT: "0", API_KEY_1: key1, API_KEY_2: key2 });

const { server } = await import("./server.js");
const url = server.url!;

assert.match(await whoami(url, { "x-api-key": key1! }), /^key-[0-9a-f]{12}$/);
assert.equal(await whoami(url, { "x-api-key": key2! }), "billing-service");
// Clients that can only be given a token send the key as one.
assert.equal(await whoami(url, bearer(key2!)), "billing-service");
assert.equal(await statusOf(url), 401);
assert.equal(await statusOf(url, { "x-api-key": unknown! }), 401);
assert.equal(await statusOf(url, { "x-api-key": key1!.slice(0, -1) }), 401);
assert.equal(await statusOf(`${url}?api_key=${key1!}`), 401, "the query is not read unless named");

process.emit("SIGTERM");
