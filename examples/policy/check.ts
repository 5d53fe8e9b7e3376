import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { callTool, connect, connectStreamable } from "../support/client.js";

const [readerKey, clerkKey] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
Object.assign(process.env, { PORT: "0", READER_KEY: readerKey, CLERK_KEY: clerkKey });

const { listener } = await import("./server.js");
if (!listener.listening) await once(listener, "listening");
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`;

// One client comes over Streamable HTTP, the other over HTTP+SSE: the rules are the same.
const reader = await connectStreamable(url, { "x-api-key": readerKey });
const clerk = await connect(`${url}/sse`, { "x-api-key": clerkKey });

// Each sees what it may use.
const toolsOf = async (client: typeof reader): Promise<string[]> => {
  const { tools } = await client.listTools();
  return tools.map(({ name }) => name);
};
assert.deepEqual(await toolsOf(reader), ["find_order"]);
assert.deepEqual(await toolsOf(clerk), ["find_order", "delete_order", "refund"]);
const { resources } = await clerk.listResources();
assert.deepEqual(
  resources.map(({ uri }) => uri),
  ["file:///public/prices"],
);

// What is not listed cannot be called either, and the answer says what is missing.
assert.match(await callTool(reader, "delete_order"), /needs the scope shop:write/);
assert.equal(await callTool(reader, "find_order"), "order 7: 2 lamps");
assert.equal(await callTool(clerk, "delete_order"), "deleted");

// No way of writing its URI leads to what nothing permits.
for (const uri of ["file:///private/salaries", "file:///public/%2e%2e/private/salaries"]) {
  await assert.rejects(clerk.readResource({ uri }), /Not permitted/);
}
await clerk.readResource({ uri: "file:///public/prices" });

// Arguments count, and so does how often it was done. What is denied is no try.
const refund = async (amount: number): Promise<string> => {
  const { content } = await clerk.callTool({ name: "refund", arguments: { amount } });
  return (content as { text: string }[])[0]!.text;
};
assert.equal(await refund(20), "refunded 20");
assert.equal(await refund(500), "Not permitted: more than 100 needs a manager.");
assert.equal(await refund(30), "refunded 30");
assert.match(await refund(40), /Asked for too often: try again in \d+ seconds/);

await Promise.all([reader.close(), clerk.close()]);
process.emit("SIGTERM");
