import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { HeldTool } from "../../kit/tools.js";
import { serveRouter } from "../../kit/serve.js";

import { initialize, post, toolCall } from "../../kit/raw-sse.js";
import { detached, Facts } from "../../kit/session-facts.js";

cleanUpAfterEach();

/** Clients are waited for longer than a test may take: who waits for them fails. */
const resume = { graceMs: 600_000 };

const headers = asCaller();

describe("who makes room for a newcomer of the same principal", () => {
  const bounded = async (max: number) => {
    const tool = new HeldTool();
    const served = await serveRouter({
      sessions: { maxSessionsPerPrincipal: max },
      createServer: () => tool.createServer(),
      resume,
    });
    return { ...served, tool, facts: new Facts(served.sessions) };
  };

  it("LIMIT-2: whose client is away goes before one that is there, however idle that is", async () => {
    const { sseUrl, sessions, facts } = await bounded(2);
    const idle = await converse(sseUrl);
    const away = await converse(sseUrl);
    away.stream.close();
    await detached(sessions, away.sessionId);
    const newcomer = await converse(sseUrl);
    expect(await facts.reasonOf(away.sessionId)).toBe("made-room");
    // Nobody misses it, so nobody is told of a limit.
    expect(facts.limited).toEqual([]);
    expect(sessions.list().map(({ id }) => id)).toEqual([idle.sessionId, newcomer.sessionId]);
  });

  it("LIMIT-2: an answer that nobody acknowledged does not keep one that is away in the place of one that is there", async () => {
    const { sseUrl, sessions, tool, facts } = await bounded(2);
    const idle = await converse(sseUrl);
    const away = await converse(sseUrl);
    const answer = away.call("held");
    await tool.started;
    tool.release();
    await answer;
    // It never says that it has the answer, and leaves: somebody who does so again and again
    // would push out, one by one, all that the principal has.
    away.stream.close();
    await detached(sessions, away.sessionId);
    for (let opened = 0; opened < 3; opened++) {
      const next = await converse(sseUrl);
      const { stream, postUrl, sessionId } = next;
      await post(postUrl, toolCall(9, "held"), headers);
      await stream.answerTo(9);
      stream.close();
      await detached(sessions, sessionId);
    }
    expect(facts.closed.map(({ reason }) => reason)).toEqual(Array(3).fill("made-room"));
    expect(facts.limited).toEqual([]);
    expect(sessions.get(idle.sessionId)?.state).toBe("open");
  });

  it("LIMIT-2: one that is away with a call in flight makes room too, and that is told", async () => {
    const { sseUrl, sessions, tool, facts } = await bounded(1);
    const { postUrl, stream, sessionId } = await converse(sseUrl);
    await post(postUrl, toolCall(5, "held"), headers);
    await tool.started;
    stream.close();
    await detached(sessions, sessionId);
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
    await detached(sessions, sessionId);
    await expect(converse(sseUrl, asCaller({ sub: "bob" }))).rejects.toThrow("503");
    expect(sessions.get(sessionId)?.state).toBe("detached");
    await converse(sseUrl);
    expect(sessions.get(sessionId)).toBeUndefined();
  });
});
