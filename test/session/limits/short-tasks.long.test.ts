import { clientV1, clientV2 } from "../../kit/sdk-clients.js";
import type { ClientKit } from "../../kit/sdk-clients.js";
import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { registerTools } from "../../kit/tools.js";
import { JWT_AUTH, serveRouter, startMcpServer } from "../../kit/serve.js";

import { Facts } from "../../kit/session-facts.js";

cleanUpAfterEach();

/** Clients are waited for longer than a test may take: who waits for them fails. */
const resume = { graceMs: 600_000 };
const never = { timeoutMs: 600_000 };

/** Connects, calls, checks the answer, and leaves without a word. */
type Task = (url: string, text: string) => Promise<void>;

const headers = asCaller();

const official =
  (kit: ClientKit): Task =>
  async (url, text) => {
    const listener = { onNotification: () => undefined, onSampling: () => "" };
    const client = await kit.connect(url, { headers, listener });
    expect(await client.call("echo", { text })).toBe(text);
    await client.close();
  };

/** A client that answers no ping, and never says what it has. */
const oneShot: Task = async (url, text) => {
  const conversation = await converse(url, headers);
  expect(await conversation.call("echo", { text })).toBe(text);
  conversation.stream.close();
};

const CLIENTS: [string, Task, readonly [number, number][]][] = [
  ["client v1", official(clientV1), [[300, 1]]],
  ["client v2", official(clientV2), [[300, 20]]],
  [
    "a client that acknowledges nothing",
    oneShot,
    [
      [1_000, 1],
      [1_000, 20],
    ],
  ],
];

async function run(task: Task, url: string, tasks: number, width: number): Promise<void> {
  let begun = 0;
  const one = async (): Promise<void> => {
    while (begun < tasks) await task(url, `task ${++begun}`);
  };
  await Promise.all(Array.from({ length: width }, one));
}

describe.each(CLIENTS)("%s", (_name, task, runs) => {
  it.each(runs)(
    "LIMIT-2: does %d short tasks with one credential, %d at a time, and meets no limit",
    async (tasks, width) => {
      const { sseUrl, sessions } = await serveRouter();
      const facts = new Facts(sessions);
      await run(task, sseUrl, tasks, width);
      expect(facts.limited).toEqual([]);
      expect(sessions.size).toBeLessThanOrEqual(100);
    },
  );

  it("STOP-2: that has just left does not keep close() and stop() waiting", async () => {
    const { sseUrl, close } = await serveRouter({ resume });
    const options = { auth: JWT_AUTH, port: 0, resume };
    const server = await startMcpServer({
      setup: registerTools,
      transport: { type: "sse", options },
    });
    await run(task, sseUrl, 3, 1);
    await run(task, server.url!, 3, 1);
    await Promise.all([close(never), server.stop(never)]);
  });
});
