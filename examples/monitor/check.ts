import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { callTool, connectStreamable, statusOf } from "../support/client.js";

const [key, password] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
Object.assign(process.env, { PORT: "0", API_KEY_1: key, OPERATOR_PASSWORD: password });

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
const page = `${origin}/admin/mcp/`;
const operator = { authorization: `Basic ${btoa(`operator:${password}`)}` };

// Nobody else sees the page: not without the password, and not with a key for tools.
assert.equal(await statusOf(page), 401);
assert.equal(await statusOf(page, { authorization: `Basic ${btoa("operator:guess")}` }), 401);
assert.equal(await statusOf(`${page}live`, { "x-api-key": key }), 401);

// A client is on it, with what it has called, and without its key.
const client = await connectStreamable(`${origin}/mcp`, { "x-api-key": key });
assert.equal(await callTool(client, "whoami"), "reporting");
const shown = await (await fetch(page, { headers: operator })).text();
assert.match(shown, /<bdi>reporting<\/bdi>/);
assert.match(shown, /tool whoami/);
assert.match(shown, /example-client 1\.0\.0/);
assert.ok(!shown.includes(key) && !shown.includes(password));

// An open page hears what changes.
const live = await fetch(`${page}live`, { headers: operator });
assert.equal(live.headers.get("content-type"), "text/event-stream");
await live.body?.cancel();

// The client's sessions are ended: the page asks first, and takes only its own form.
const link = /href="(end\?who=[^"]+)"/.exec(shown)![1]!;
const asked = await fetch(new URL(link, page), { headers: operator });
const [cookie = ""] = asked.headers.getSetCookie().map((field) => field.split(";", 1)[0]!);
const fields = [...(await asked.text()).matchAll(/name="(\w+)" value="([^"]+)"/g)];
const body = new URLSearchParams(fields.map(([, name = "", value = ""]) => [name, value]));
const end = (from: string): Promise<Response> =>
  fetch(`${page}end`, { method: "POST", body, headers: { ...operator, cookie, origin: from } });
assert.equal((await end("https://evil.example")).status, 403);
const ended = await end(origin);
assert.equal(ended.status, 200);
assert.match(await ended.text(), /1 session of/);
await client.close().catch(() => undefined);

process.emit("SIGTERM");
