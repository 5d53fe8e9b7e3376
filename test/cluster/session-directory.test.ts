import type { SessionDirectory } from "../../src/cluster/session-directory.js";
import type { RouterSession, Sessions } from "../../src/http/router-session.js";
import { McpSseError } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { servePipeline } from "../kit/pipeline.js";
import { initialize, openSession, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const call = toolCall(2, "echo", { text: "hello" });

/** One that has to ask somebody else for each session, as an engine for many nodes does. */
function asking(sessions: Sessions): SessionDirectory<RouterSession> {
  return {
    find: async (id, requester) => sessions.find(id, requester),
    takesFrom: (session, requester) => sessions.takesFrom(session, requester),
  };
}

/** One that cannot tell whether there is a session. */
function deaf(sessions: Sessions): SessionDirectory<RouterSession> {
  const unavailable = () =>
    new McpSseError("temporarily_unavailable", "Ask again.", { headers: { "Retry-After": "3" } });
  return { ...asking(sessions), find: () => Promise.reject(unavailable()) };
}

describe("a directory of sessions that has to ask", () => {
  it("is waited for, and its session answers", async () => {
    const { sseUrl } = await servePipeline({ directory: asking, hasFastPath: false });
    const conversation = await converse(sseUrl);
    expect(await conversation.call("echo", { text: "hello" })).toBe("hello");
  });

  it("MESSAGE-3: gives another's session the answer of an unknown one", async () => {
    const { sseUrl, url } = await servePipeline({ directory: asking, hasFastPath: false });
    const { postUrl } = await converse(sseUrl);
    const strangers = await post(postUrl, call, asCaller({ sub: "bob" }));
    const unknown = await post(`${url}/messages?sessionId=none`, call, asCaller());
    expect([strangers.status, strangers.text]).toEqual([404, unknown.text]);
  });

  it("is asked again before the session's server gets a message", async () => {
    const directory = (sessions: Sessions) => ({ ...asking(sessions), takesFrom: () => false });
    const { sseUrl, url } = await servePipeline({ directory, hasFastPath: false });
    const { postUrl } = await openSession(sseUrl, asCaller());
    const refused = await post(postUrl, initialize, asCaller());
    const unknown = await post(`${url}/messages?sessionId=none`, initialize, asCaller());
    expect([refused.status, refused.text]).toEqual([404, unknown.text]);
  });

  it("answers 503, and never 404, where it cannot tell", async () => {
    const { url } = await servePipeline({ directory: deaf, hasFastPath: false });
    const { status, headers } = await post(`${url}/messages?sessionId=any`, call, asCaller());
    expect([status, headers.get("retry-after")]).toEqual([503, "3"]);
  });
});
