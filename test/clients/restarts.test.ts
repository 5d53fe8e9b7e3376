import { createMCPClient } from "@ai-sdk/mcp";
import type { MCPServer } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { lastingPort } from "../kit/listen.js";
import { throughMcpRemote } from "../kit/mcp-remote.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { registerTools } from "../kit/tools.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** What docs/clients.md says of a restart; of the SDKs' clients, STOP-5 does. */
async function restartable(): Promise<() => Promise<MCPServer>> {
  const port = await lastingPort();
  const options = { auth: JWT_AUTH, port, resume: { retryMs: 20 }, logger: recordingLogger() };
  return () => startMcpServer({ setup: registerTools, transport: { type: "sse", options } });
}

it("STOP-5: mcp-remote begins a new session by itself, and calls work", async () => {
  const start = await restartable();
  const old = await start();
  const kit = await throughMcpRemote();
  const listener = { onNotification: () => undefined, onSampling: () => "" };
  const client = await kit.connect(old.url!, { headers: asCaller(), listener });
  onDispose(() => client.close());
  expect(await client.call("echo", { text: "before" })).toBe("before");
  await old.stop({ timeoutMs: 0 });
  const server = await start();
  await until(() => server.sessions!.list().some((session) => session.client !== undefined));
  expect(await client.call("echo", { text: "after" })).toBe("after");
});

it("STOP-5: a call of Vercel's AI SDK fails at once", async () => {
  const start = await restartable();
  const old = await start();
  const transport = { type: "sse" as const, url: old.url!, headers: asCaller() };
  const client = await createMCPClient({ transport });
  onDispose(() => client.close());
  const tools = await client.tools();
  await old.stop({ timeoutMs: 0 });
  await start();
  const args = { text: "after", name: "after" };
  await expect(tools["echo"]!.execute(args, { messages: [], toolCallId: "1" })).rejects.toThrow();
});
