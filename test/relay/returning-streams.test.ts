import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveNodes } from "../kit/cluster/memory-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

describe("a GET at another node than its session's", () => {
  it("CLUSTER-50: goes on with the session that Last-Event-ID names", async () => {
    const [home, edge] = await serveNodes();
    const first = await converse(home.sseUrl);
    await first.call("echo", { text: "one" });
    first.stream.close();
    await first.stream.ended;
    const back = await openStream(edge.sseUrl, {
      ...asCaller(),
      "last-event-id": `${first.sessionId}:2`,
    });
    expect((await back.nextEvent()).data).toBe(`${first.endpoint}&r=1`);
    const call = toolCall(9, "echo", { text: "two" });
    expect((await post(at(edge, first.postUrl), call, first.headers)).status).toBe(202);
    expect(JSON.stringify(await back.answerTo(9))).toContain("two");
  });
});
