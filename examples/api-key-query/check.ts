import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { statusOf, whoami } from "../support/client.js";

const key = randomBytes(24).toString("hex");
Object.assign(process.env, { PORT: "0", API_KEY_1: key });

const { server } = await import("./server.js");
const url = server.url!;

// The client gets the URL and nothing else; its messages carry the key because the endpoint does.
assert.equal(await whoami(`${url}?api_key=${key}`), "laptop");
assert.equal(await whoami(url, { "x-api-key": key }), "laptop");
assert.equal(await statusOf(url), 401);
assert.equal(await statusOf(`${url}?api_key=wrong`), 401);
assert.equal(await statusOf(`${url}?apikey=${key}`), 401);

process.emit("SIGTERM");
