import { MCPServer } from "../../../src/index.js";
import { clientV1, clientV2 } from "../../kit/sdk-clients.js";
import type { ClientKit } from "../../kit/sdk-clients.js";
import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { HeldTool, registerTools } from "../../kit/tools.js";
import { JWT_AUTH, serveRouter } from "../../kit/serve.js";

import { initialize, openStream, post, toolCall } from "../../kit/raw-sse.js";
import { Facts } from "../../kit/session-facts.js";
import { turn } from "../../kit/waiting.js";

cleanUpAfterEach();
// Seconds on a machine that is idle.
jest.setTimeout(120_000);

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
    const server = new MCPServer({ setup: registerTools, transport: { type: "sse", options } });
    await server.start();
    onDispose(() => server.stop({ timeoutMs: 0 }));
    await run(task, sseUrl, 3, 1);
    await run(task, server.url!, 3, 1);
    await Promise.all([close(never), server.stop(never)]);
  });
});

it("STOP-2: an answer that the client got on an earlier stream is not waited for", async () => {
  const { sseUrl, sessions, close } = await serveRouter({ resume });
  const conversation = await converse(sseUrl);
  const { sessionId } = conversation;
  await conversation.call("echo", { text: "had" });
  conversation.stream.close();
  while (sessions.get(sessionId)?.state !== "detached") await turn();
  const again = await openStream(sseUrl, { ...headers, "last-event-id": `${sessionId}:0` });
  expect((await again.nextEvent()).event).toBe("endpoint");
  again.close();
  while (sessions.get(sessionId)?.state !== "detached") await turn();
  await close(never);
});

describe("who makes room for a newcomer of the same principal", () => {
  const bounded = async (max: number) => {
    const tool = new HeldTool();
    const served = await serveRouter({
      sessions: { maxSessionsPerPrincipal: max },
      createServer: () => tool.createServer(),
      resume,
    });
    const detached = async (id: string): Promise<void> => {
      while (served.sessions.get(id)?.state !== "detached") await turn();
    };
    return { ...served, tool, detached, facts: new Facts(served.sessions) };
  };

  it("LIMIT-2: whose client is away goes before one that is there, however idle that is", async () => {
    const { sseUrl, sessions, detached, facts } = await bounded(2);
    const idle = await converse(sseUrl);
    const away = await converse(sseUrl);
    away.stream.close();
    await detached(away.sessionId);
    const newcomer = await converse(sseUrl);
    expect(await facts.reasonOf(away.sessionId)).toBe("made-room");
    // Nobody misses it, so nobody is told of a limit.
    expect(facts.limited).toEqual([]);
    expect(sessions.list().map(({ id }) => id)).toEqual([idle.sessionId, newcomer.sessionId]);
  });

  it("LIMIT-2: one that is away with a call in flight makes room too, and that is told", async () => {
    const { sseUrl, tool, detached, facts } = await bounded(1);
    const { postUrl, stream, sessionId } = await converse(sseUrl);
    await post(postUrl, toolCall(5, "held"), headers);
    await tool.started;
    stream.close();
    await detached(sessionId);
    await converse(sseUrl);
    expect(await facts.reasonOf(sessionId)).toBe("made-room");
    expect(facts.limited).toMatchObject([{ limit: "maxSessionsPerPrincipal", outcome: "ended" }]);
    expect((await post(postUrl, initialize, headers)).status).toBe(404);
    tool.release();
  });

  it("LIMIT-1: in a full server as well, and never for anybody else", async () => {
    const { sseUrl, sessions } = await serveRouter({ sessions: { maxSessions: 1 } });
    const { stream, sessionId } = await converse(sseUrl);
    stream.close();
    while (sessions.get(sessionId)?.state !== "detached") await turn();
    await expect(converse(sseUrl, asCaller({ sub: "bob" }))).rejects.toThrow("503");
    expect(sessions.get(sessionId)?.state).toBe("detached");
    await converse(sseUrl);
    expect(sessions.get(sessionId)).toBeUndefined();
  });
});
