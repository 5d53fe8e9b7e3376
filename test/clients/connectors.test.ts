import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import { HeldTool, registerTools } from "../kit/tools.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

async function serveBounded(maxSessionsPerPrincipal: number) {
  const held = new HeldTool();
  const served = await serveMcp({
    createServer: () => {
      const server = held.createServer();
      registerTools(server);
      return server;
    },
    sessions: { maxSessionsPerPrincipal },
  });
  return { ...served, held, facts: new Facts(served.router.sessions) };
}

describe("a session for each call, and no end to any", () => {
  it("LIMIT-2: pushes out only its like: a session of the same principal that is listened to lasts", async () => {
    const { mcpUrl, router, facts } = await serveBounded(100);
    const lasting = await begin(mcpUrl);
    const stream = await lasting.listen();
    const ids: string[] = [];
    for (let opened = 0; opened < 300; opened++) {
      const once = await begin(mcpUrl);
      expect((await once.post(toolCall(2, "whoami"))).status).toBe(200);
      ids.push(once.sessionId);
    }
    expect(router.sessions.size).toBe(100);
    // The oldest went first, and nobody is told of what nobody misses.
    expect(facts.closed).toEqual(
      ids.slice(0, 201).map((id) => ({ id, reason: "made-room" as const })),
    );
    expect(facts.limited).toEqual([]);
    expect(await lasting.call("echo", { text: "still here" })).toBe("still here");
    stream.close();
  });

  it("LIMIT-2: nor while the stream of that session is cut for a moment", async () => {
    const { mcpUrl, router, facts } = await serveBounded(2);
    const lasting = await begin(mcpUrl);
    const stream = await lasting.listen();
    stream.close();
    // Nobody knows of the cut but by this: what a session says goes nowhere.
    const session = router.sessions.get(lasting.sessionId) as unknown as { leftAt?: number };
    await until(() => session.leftAt !== undefined);
    const first = await begin(mcpUrl);
    await begin(mcpUrl);
    expect(await facts.reasonOf(first.sessionId)).toBe("made-room");
    expect((await lasting.listen()).status).toBe(200);
  });

  it("LIMIT-2: and when all have a call in flight, the next gets 429", async () => {
    const { mcpUrl, router, held, facts } = await serveBounded(2);
    const [one, other] = [await begin(mcpUrl), await begin(mcpUrl)];
    const calls = [one, other].map((client) => client.post(toolCall(2, "held")));
    await until(() => router.sessions.list().every(({ inFlight }) => inFlight === 1));
    const { status, json, headers } = await postMessage(mcpUrl, initialize, asCaller());
    expect([status, json?.error.data.code]).toEqual([429, "too_many_sessions"]);
    expect(headers["retry-after"]).toBe("30");
    expect(facts.limited).toMatchObject([{ outcome: "refused" }]);
    held.release();
    for (const call of calls) expect((await call).status).toBe(200);
  });
});
