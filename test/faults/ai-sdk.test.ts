import { createMCPClient } from "@ai-sdk/mcp";
import type { MCPClient } from "@ai-sdk/mcp";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";

import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { Killer } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { Load } from "../kit/faults/load.js";
import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

const OPTIONS = { messages: [], toolCallId: "1" };

/** Vercel's AI SDK, which names a protocol version when it comes first, and never comes back. */
async function connect(url: string): Promise<MCPClient> {
  const client = await createMCPClient({ transport: { type: "sse", url, headers: asCaller() } });
  onDispose(() => client.close());
  return client;
}

async function echo(client: MCPClient, text: string): Promise<unknown> {
  const tools = await client.tools();
  return await tools["echo"]!.execute({ text, name: text }, OPTIONS);
}

describe("Vercel's AI SDK", () => {
  it("RESUME-4: is not asked for a session when it connects, whoever of its owner's clients is there or away", async () => {
    const host = await FaultHost.start(serverV1);
    const there = await Load.start(host, clientV2, { tag: "there" });
    const away = await Load.start(host, clientV1, { tag: "away" });
    await away.client.close();
    const killer = await Killer.start(host.served.origin);
    // As an application does that connects for each turn of a chat.
    for (let turn = 0; turn < 5; turn++) {
      const client = await connect(`${killer.origin}/sse`);
      expect(await echo(client, `turn ${turn}`)).toMatchObject({
        content: [{ type: "text", text: `turn ${turn}` }],
      });
      await client.close();
    }
    expect(killer.streams).toHaveLength(5);
    expect(killer.trace.join("\n")).not.toContain("-probe-");
    expect(host.served.lines.filter((line) => line.includes("asked a client"))).toEqual([]);
    await there.ping();
  });
});
