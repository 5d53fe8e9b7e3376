import { memoryCluster } from "../../src/cluster/memory.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveNodes } from "../kit/cluster/memory-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { openStream } from "../kit/raw-sse.js";
import { begin, serveMcp, StreamableConversation } from "../kit/streamable.js";
import { now } from "../kit/tokens.js";

cleanUpAfterEach();

const COMES_BACK = { "mcp-protocol-version": "2025-06-18" };

describe("a stream of HTTP+SSE", () => {
  it("CLUSTER-53: is put off, and no session is begun in place of one whose node hangs", async () => {
    const [home, edge] = await serveNodes({
      advanced: { probeMs: 300 },
      memory: { relayTimeoutMs: 300, leaseMs: 60_000 },
    });
    const alice = await converse(home.sseUrl);
    alice.stream.close();
    await alice.stream.ended;
    home.faults.isDeaf = true;
    const back = await openStream(edge.sseUrl, { ...asCaller(), ...COMES_BACK });
    await back.nextPing("express-mcp-sse-probe-");
    await back.ended;
    expect(back.bytes.endsWith("retry: 1000\n\n")).toBe(true);
    expect(back.bytes).not.toContain("event: endpoint");
    expect(edge.sessions.size).toBe(0);
  });

  it("CLUSTER-54, RESUME-13: by way of another node ends with its credential, and goes on with a newer one", async () => {
    const [home, edge] = await serveNodes();
    // Ten seconds are tolerated.
    const first = await converse(home.sseUrl, asCaller({ exp: now() - 6 }));
    const last = { "last-event-id": `${first.sessionId}:1` };
    const stream = await openStream(edge.sseUrl, { ...first.headers, ...last });
    await stream.ended;
    expect(stream.bytes.endsWith("retry: 1000\n\n")).toBe(true);
    expect((await openStream(edge.sseUrl, { ...first.headers, ...last })).status).toBe(401);
    const back = await openStream(edge.sseUrl, { ...asCaller(), ...last });
    expect((await back.nextEvent()).data).toBe(`${first.endpoint}&r=2`);
  });

  it("CLUSTER-50, RESUME-2: by way of another node sets no cookie for a browser", async () => {
    const [home, edge] = await serveNodes();
    const first = await converse(home.sseUrl);
    const last = { ...asCaller(), "last-event-id": `${first.sessionId}:1` };
    const browser = await openStream(edge.sseUrl, { ...last, "sec-fetch-site": "same-origin" });
    expect([browser.status, browser.headers["set-cookie"]]).toEqual([200, undefined]);
    const other = await openStream(edge.sseUrl, last);
    expect(String(other.headers["set-cookie"])).toContain(`mcp_resume=${first.sessionId}; `);
  });
});

describe("a stream of Streamable HTTP", () => {
  async function nodes(count: number) {
    const cluster = memoryCluster({ leaseMs: 5_000 });
    const all = [];
    for (let n = 0; n < count; n++) all.push(await serveMcp({ cluster }));
    return all;
  }

  it("CLUSTER-57: is listened to at any node, and goes on where its session's node was closed", async () => {
    const [home, edge] = await nodes(2);
    const alice = await begin(home!.mcpUrl);
    const elsewhere = new StreamableConversation(edge!.mcpUrl, alice.sessionId, alice.headers);
    const stream = await elsewhere.listen();
    const { id } = await stream.nextEvent();
    expect(await elsewhere.call("echo", { text: "one" })).toBe("one");
    await home!.router.close({ timeoutMs: 1_000 });
    await stream.ended;
    expect(stream.bytes).toContain("retry: 1000\n");
    const back = await elsewhere.listen(id);
    expect(back.status).toBe(200);
    expect(await elsewhere.call("echo", { text: "two" })).toBe("two");
    expect(edge!.router.sessions.size).toBe(1);
  });

  it("CLUSTER-57: that was cut off is taken up at any node, from the event that its client has, and by nobody else", async () => {
    const [home, edge] = await nodes(2);
    const alice = await begin(home!.mcpUrl);
    const stream = await alice.listen();
    const { id } = await stream.nextEvent();
    stream.close();
    await stream.ended;
    const back = await openStream(at({ origin: edge!.url }, alice.url), {
      ...alice.headers,
      "last-event-id": String(id),
    });
    expect(back.status).toBe(200);
    const bob = await openStream(edge!.mcpUrl, { ...alice.headers, ...asCaller({ sub: "bob" }) });
    await bob.ended;
    expect(bob.status).toBe(404);
  });
});
