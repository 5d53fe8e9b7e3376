import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { Balancer } from "../kit/cluster/balancer.js";
import { serveNodes } from "../kit/cluster/memory-nodes.js";
import { asCaller } from "../kit/conversation.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import type { ClientKit, FaultClient } from "../kit/sdk-clients.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const NOTIFICATIONS = 5;

/** A server whose tool sends numbered notifications, and says by which name its client called. */
function createServer(): McpServer {
  const server = new McpServer({ name: "count", version: "1" }, { capabilities: { logging: {} } });
  const inputSchema = { tag: z.string(), from: z.number() };
  server.registerTool("count", { inputSchema }, async ({ tag, from }) => {
    for (let n = from; n < from + NOTIFICATIONS; n++) {
      const params = { level: "info" as const, data: `${tag} ${n}` };
      await server.server.notification({ method: "notifications/message", params });
    }
    return { content: [{ type: "text", text: `${tag} ${from}` }] };
  });
  return server;
}

/** An SDK client that calls one tool after the other, and what it has heard. */
class Caller {
  readonly heard: string[] = [];
  readonly failures: string[] = [];
  calls = 0;
  isOver = false;
  done: Promise<void> = Promise.resolve();

  constructor(readonly tag: string) {}

  static async start(kit: ClientKit, url: string, tag: string): Promise<Caller> {
    const caller = new Caller(tag);
    const client = await kit.connect(`${url}/sse`, {
      headers: asCaller(),
      listener: { onNotification: (text) => caller.heard.push(text), onSampling: () => "" },
    });
    onDispose(() => client.close());
    caller.done = caller.#run(client);
    return caller;
  }

  async #run(client: FaultClient): Promise<void> {
    while (!this.isOver) {
      const from = 1 + this.calls++ * NOTIFICATIONS;
      const answer = await client.call("count", { tag: this.tag, from }).catch(String);
      if (answer !== `${this.tag} ${from}`) this.failures.push(answer);
    }
  }

  /** Numbers that were never heard, or before one that comes in front of them; and whatever was another's. */
  get faults(): readonly string[] {
    let next = 1;
    const faults = [...this.failures];
    for (const text of this.heard) {
      if (text === `${this.tag} ${next}`) next++;
      else if (!(Number(text.split(" ")[1]) < next && text.startsWith(`${this.tag} `)))
        faults.push(text);
    }
    return next === 1 + this.calls * NOTIFICATIONS ? faults : [...faults, `stopped at ${next}`];
  }
}

describe.each([clientV1, clientV2])("the $name of two of a principal's clients", (kit) => {
  it("CLUSTER-56, RESUME-9: loses nothing, and gets nothing of the other, while streams are cut, and one node after the other is closed", async () => {
    const options = { createServer, resume: { retryMs: 1 }, memory: { leaseMs: 5_000 } };
    const nodes = await serveNodes(options, 3);
    const balancer = await Balancer.start(nodes);
    const callers = [
      await Caller.start(kit, balancer.url, "one"),
      await Caller.start(kit, balancer.url, "two"),
    ];
    for (let cuts = 1; cuts <= 50; cuts++) {
      const [before] = [callers.map(({ calls }) => calls)];
      await until(
        () =>
          balancer.streams >= 2 && callers.every(({ calls }, n) => calls > before[n]! + (cuts % 2)),
      );
      balancer.cut();
      if (cuts === 20 || cuts === 35) {
        const leaving = balancer.origins.shift();
        await nodes.find(({ origin }) => origin === leaving)?.close({ timeoutMs: 5_000 });
      }
    }
    for (const caller of callers) caller.isOver = true;
    await Promise.all(callers.map(({ done }) => done));
    expect(callers.map(({ faults }) => faults)).toEqual([[], []]);
    expect(nodes[2]!.sessions.size).toBe(2);
  });
});
