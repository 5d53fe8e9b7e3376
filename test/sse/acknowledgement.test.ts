import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CreateMessageResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { openStream, post } from "../kit/raw-sse.js";
import type { Json } from "../kit/raw-sse.js";

cleanUpAfterEach();

const COMES_BACK = { "mcp-protocol-version": "2025-06-18" };
const QUESTION = {
  messages: [{ role: "user" as const, content: { type: "text" as const, text: "how are you?" } }],
  maxTokens: 10,
};

/** A server that can be made to speak, and a client that has begun its conversation with it. */
async function conversing() {
  const mcp = new McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  const { sseUrl } = await serveRouter({ createServer: () => mcp });
  return { sseUrl, server: mcp.server, client: await converse(sseUrl) };
}

/** Answers a request of the server, or a ping of ours. */
async function reply({ postUrl, headers }: Conversation, id: Json, result = {}): Promise<void> {
  expect((await post(postUrl, { jsonrpc: "2.0", id, result }, headers)).status).toBe(202);
}

it("RESUME-9: a request is not repeated by a cut although an earlier ping has no answer yet", async () => {
  const { sseUrl, server, client } = await conversing();
  const { stream } = client;
  await server.notification({
    method: "notifications/message",
    params: { level: "info", data: "before" },
  });
  expect(await stream.nextMessageOrPing()).toMatchObject({ method: "notifications/message" });
  expect(await stream.nextMessageOrPing()).toMatchObject({ method: "ping" });
  const question = { method: "sampling/createMessage", params: QUESTION } as const;
  const answered = server.request(question, CreateMessageResultSchema);
  const request = await stream.nextMessageOrPing();
  expect(request).toMatchObject({ method: "sampling/createMessage" });
  const ping = await stream.nextMessageOrPing();
  expect(ping).toMatchObject({ method: "ping" });
  await reply(client, ping["id"]);
  stream.close();
  const back = await openStream(sseUrl, { ...asCaller(), ...COMES_BACK });
  await reply(client, (await back.nextMessageOrPing())["id"]);
  expect((await back.nextEvent()).event).toBe("endpoint");
  const content = { type: "text", text: "fine" };
  await reply(client, request["id"], { model: "m", role: "assistant", content });
  expect(await answered).toMatchObject({ content });
  expect(back.bytes).not.toContain("sampling");
});

it("STREAM-6, RESUME-9: in a silence the client is asked for its answers, in place of a comment", async () => {
  freezeTimers();
  const { sseUrl } = await serveRouter({ keepAliveMs: 100 });
  const client = await converse(sseUrl);
  for (const text of ["first", "second"]) {
    expect(await client.call("echo", { text })).toBe(text);
    jest.advanceTimersByTime(100);
    const ping = await client.stream.nextMessageOrPing();
    expect(ping).toMatchObject({ method: "ping" });
    await reply(client, ping["id"]);
  }
  jest.advanceTimersByTime(100);
  expect(await client.stream.nextComment()).toBe(": keep-alive");
});
