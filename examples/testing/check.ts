import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectTestClient, createTestIssuer, expectAccess } from "express-mcp-sse/testing";

const { createApp } = await import("./server.js");
const issuer = await createTestIssuer();
after(() => issuer.close());

test("who may call what", async () => {
  await expectAccess(createApp(issuer.auth), {
    callers: {
      reader: issuer.sign({ sub: "ada", scope: "notes:read" }),
      writer: issuer.sign({ sub: "bob", scope: "notes:read notes:write" }),
      stranger: undefined,
    },
    tools: { read_note: ["reader", "writer"], delete_note: ["writer"] },
  });
});

test("a reader reads, and deletes nothing", async (t) => {
  const bearer = issuer.sign({ sub: "ada", scope: "notes:read" });
  const client = await connectTestClient(createApp(issuer.auth), { bearer });
  t.after(() => client.close());
  const note = { id: "1" };
  const read = await client.callTool({ name: "read_note", arguments: note });
  assert.deepEqual(read.content, [{ type: "text", text: "buy milk" }]);
  const deleted = await client.callTool({ name: "delete_note", arguments: note });
  assert.equal(deleted.isError, true);
});

test("a token that has expired lets nobody in", async () => {
  const bearer = issuer.sign({ scope: "notes:read" }, { expiresIn: -60 });
  const failing = connectTestClient(createApp(issuer.auth), { bearer });
  await assert.rejects(failing, { status: 401, reason: /expired/ });
});

test("the issuer changes its key, and the app asks for the new one", async (t) => {
  const app = createApp(issuer.auth);
  const early = await connectTestClient(app, { bearer: issuer.sign() });
  await early.close();

  await issuer.rotateKeys({ withdrawOld: true });
  // A router asks again half a minute after it last did.
  const now = performance.now.bind(performance);
  t.mock.method(performance, "now", () => now() + 31_000);
  const late = await connectTestClient(app, { bearer: issuer.sign() });
  await late.close();
});

test("while the issuer is away, callers are asked to come again", async (t) => {
  issuer.stopAnswering();
  t.after(() => issuer.answer());
  const failing = connectTestClient(createApp(issuer.auth), { bearer: issuer.sign() });
  await assert.rejects(failing, { status: 503 });
});
