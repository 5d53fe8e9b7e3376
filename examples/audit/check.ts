import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditEvent } from "express-mcp-sse";
import { callTool, connect, connectStreamable, statusOf } from "../support/client.js";

const folder = await mkdtemp(join(tmpdir(), "audit-"));
const file = join(folder, "audit.jsonl");
const [reporting, billing] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
Object.assign(process.env, { PORT: "0", AUDIT_FILE: file });
Object.assign(process.env, { API_KEY_1: reporting, API_KEY_2: billing });

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`;

// One may give money back, another may not, and a stranger is not let in.
const may = await connect(`${url}/sse`, { "x-api-key": billing });
assert.equal(await callTool(may, "refund"), "done");
const mayNot = await connectStreamable(url, { "x-api-key": reporting });
assert.match(await callTool(mayNot, "refund"), /scope/);
assert.equal(await statusOf(`${url}/sse`), 401);
for (const client of [may, mayNot]) await client.close();

const ended = once(listener, "close");
process.emit("SIGTERM");
await ended;

const text = await readFile(file, "utf8");
const events = text
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as AuditEvent);
const find = (action: string, id: string | undefined, target: string) =>
  events.filter(
    (event) => event.action === action && event.actor.id === id && event.target === target,
  );
assert.deepEqual(
  find("call", "billing", "tool refund").map(({ outcome }) => outcome),
  ["ok"],
);
const [denied] = find("call.deny", "reporting", "tool refund");
assert.equal(denied?.outcome, "insufficient_scope");
assert.deepEqual(denied.details["missing"], ["refund"]);
assert.equal(find("caller.refuse", undefined, "stream")[0]?.outcome, "missing_credential");
const opened = events.filter(({ action }) => action === "session.open").map((e) => e.session);
const closed = events.filter(({ action }) => action === "session.close").map((e) => e.session);
assert.equal(opened.length, 2);
assert.deepEqual(closed.toSorted(), opened.toSorted());
assert.ok(!text.includes(reporting) && !text.includes(billing));
assert.equal((await stat(file)).mode & 0o777, 0o600);
await rm(folder, { recursive: true });
console.log(`${events.length} lines say who did what, who was kept from what, and when`);
