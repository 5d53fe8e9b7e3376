import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createMovingServer, MovingStage } from "../kit/cluster/moving-server.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterClusterOptions, RouterNode } from "../kit/cluster/routers.js";
import { converse } from "../kit/conversation.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, StreamableConversation } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const NODE_LOST = { code: -32_000, data: { reason: "node_lost" } };

const elsewhere = ({ sessionId, headers }: StreamableConversation, node: RouterNode) =>
  new StreamableConversation(node.mcpUrl, sessionId, headers);

async function serveMoving(options: RouterClusterOptions = {}) {
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    createServer: (session) => createMovingServer("v1", session, stage),
    ...options,
  });
  const facts = nodes.map(({ router }) => new Facts(router.sessions));
  return { stage, nodes, facts, a: nodes[0], b: nodes[1], c: nodes[2]! };
}

/** Has a call wait in its tool. */
function hold(stage: MovingStage) {
  const held = signal();
  const released = signal();
  stage.onHeld = () => held.resolve();
  stage.letGo = released.promise;
  return { held: held.promise, release: () => released.resolve() };
}

/** A node goes on with a session whose home cannot tell anybody that it is there. */
async function takeFrom(home: RouterNode, node: RouterNode, session: StreamableConversation) {
  home.faults.isAway = true;
  const there = elsewhere(session, node);
  await until(
    async () => (await there.post({ jsonrpc: "2.0", id: 1, method: "ping" })).status === 200,
  );
}

it("CLUSTER-80: who has waited for a node that nobody hears takes nothing from the one that has gone on with it", async () => {
  const { a, b, c, facts } = await serveMoving({ count: 3, settings: { leaseMs: 60_000 } });
  const alice = await begin(a.mcpUrl);
  await a.crash();
  // Both have found nobody to hear them, and one is faster.
  c.faults.beforePut = async () => {
    c.faults.beforePut = () => Promise.resolve();
    await elsewhere(alice, b).call("about");
  };
  await elsewhere(alice, c).call("about");
  expect([b, c].map(({ router }) => router.sessions.size)).toEqual([1, 0]);
  expect(facts.flatMap(({ closed }) => closed)).toEqual([]);
});

it("CLUSTER-80: calls of a session that went on elsewhere are answered by the node that had it, as lost", async () => {
  // So that no call's answer is a stream yet.
  const streamable = { sseAfterMs: 60_000 };
  const { a, b, stage } = await serveMoving({ settings: { leaseMs: 1_000 }, streamable });
  const alice = await begin(a.mcpUrl);
  const bob = await converse(a.sseUrl);
  const { held, release } = hold(stage);
  const call = alice.post(toolCall(20, "held"));
  await held;
  expect((await post(bob.postUrl, toolCall(21, "held"), bob.headers)).status).toBe(202);
  await takeFrom(a, b, alice);
  const bobs = bob.postUrl.replace(a.url, b.url);
  await until(async () => (await post(bobs, toolCall(22, "about"), bob.headers)).status === 202);
  a.faults.isAway = false;
  expect((await bob.stream.answerTo(21))["error"]).toMatchObject(NODE_LOST);
  const { status, json } = await call;
  expect([status, json.error]).toEqual([200, expect.objectContaining(NODE_LOST)]);
  expect(await elsewhere(alice, a).call("note", { value: "goes on" })).toBe("noted");
  release();
});

it("CLUSTER-80: a call that was not over when its session was handed over may have been done, and is refused as that", async () => {
  const { a, b, stage } = await serveMoving();
  const alice = await begin(a.mcpUrl);
  const { held, release } = hold(stage);
  const call = alice.post(toolCall(20, "held"));
  await held;
  await a.router.close({ timeoutMs: 0 });
  const { status, json } = await call;
  expect([status, json.error.data.code]).toEqual([503, "outcome_unknown"]);
  release();
  expect(await elsewhere(alice, b).call("note", { value: "goes on" })).toBe("noted");
});

it("CLUSTER-80: a call that is taken while another node goes on with its session is not told to be taken", async () => {
  const { a, b, facts, stage } = await serveMoving({ settings: { leaseMs: 1_000 } });
  const alice = await converse(a.sseUrl);
  await alice.call("about");
  const { held, release } = hold(stage);
  const resumed = signal();
  const { onHeld } = stage;
  // Once the server has the call, as a process that stands still does: nothing is written, and nothing read.
  stage.onHeld = () => {
    a.faults.beforeWrite = a.faults.beforeGet = () => resumed.promise;
    onHeld();
  };
  const lost = signal();
  b.router.cluster!.on("node-lost", () => lost.resolve());
  const accepted = post(alice.postUrl, toolCall(30, "held"), alice.headers);
  await held;
  await lost.promise;
  const there = alice.postUrl.replace(a.url, b.url);
  await until(async () => (await post(there, toolCall(31, "about"), alice.headers)).status === 202);
  expect(b.router.sessions.size).toBe(1);
  resumed.resolve();
  const { status, text } = await accepted;
  expect(await facts[0]!.reasonOf(alice.sessionId)).toBe("superseded");
  expect([status, text]).toEqual([503, expect.stringContaining("outcome_unknown")]);
  release();
});

it("CLUSTER-80: a session goes on that could not go on at a node which could not even tell", async () => {
  let fails = true;
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    count: 3,
    createServer: (session) => {
      if (session.isMoved && fails) {
        fails = false;
        b.faults.beforePut = () => Promise.reject(new Error("it was cut off"));
        throw new Error("there is no server");
      }
      return createMovingServer("v1", session, stage);
    },
  });
  const [a, b, c] = nodes;
  const [alice, bob] = [await begin(a.mcpUrl), await begin(a.mcpUrl)];
  await a.crash();
  for (const session of [alice, bob]) {
    fails = true;
    expect((await elsewhere(session, b).post(toolCall(20, "about"))).status).toBe(500);
    b.faults.beforePut = () => Promise.resolve();
    const asked = session === alice ? b : c!;
    expect((await elsewhere(session, asked).post(toolCall(21, "about"))).status).toBe(200);
  }
  expect(b.router.sessions.size).toBe(2);
});

describe("a session that stays with its node (move: false)", () => {
  const serveStaying = (settings: object) =>
    serveMoving({ settings: { move: false, ...settings } });

  it("CLUSTER-82: is used at every node, and ends with its own, be that closed or dead", async () => {
    const { a, b, facts } = await serveStaying({ leaseMs: 1_000 });
    const [alice, bob] = [await begin(a.mcpUrl), await begin(b.mcpUrl)];
    for (const [session, node] of [[alice, b] as const, [bob, a] as const]) {
      expect(await elsewhere(session, node).call("note", { value: "at home" })).toBe("noted");
    }
    await a.router.close({ timeoutMs: 0 });
    expect(await facts[0]!.reasonOf(alice.sessionId)).toBe("shutting-down");
    expect((await elsewhere(alice, b).post(toolCall(20, "about"))).status).toBe(404);
    expect(b.router.sessions.size).toBe(1);
    expect(await bob.call("note", { value: "goes on" })).toBe("noted");
  });

  it("CLUSTER-82: is not told to have ended while its node only cannot be heard, and is once that is gone", async () => {
    const { a, b } = await serveStaying({ leaseMs: 3_000, relayTimeoutMs: 1_000 });
    const alice = await begin(a.mcpUrl);
    await a.crash();
    const there = elsewhere(alice, b);
    const { status, headers } = await there.post(toolCall(20, "about"));
    expect([status, headers["retry-after"]]).toEqual([503, "1"]);
    let answer = await there.post(toolCall(21, "about"));
    while (answer.status === 503) answer = await there.post(toolCall(22, "about"));
    expect(answer.status).toBe(404);
    expect(answer.text).toContain("session_not_found");
  });
});

it("CLUSTER-80: a session that another node takes while it is about to go on here is followed there", async () => {
  let isFirst = true;
  const stage = new MovingStage();
  const asked = signal();
  const { a, b, c, nodes } = await serveMoving({
    count: 3,
    // So that it goes on here for longer than a request looks for its session.
    settings: { leaseMs: 4_000, relayTimeoutMs: 3_000 },
    createServer: (session) => {
      const mcp = createMovingServer("v1", session, stage);
      if (!session.isMoved || !isFirst) return mcp;
      isFirst = false;
      // It never says what it is: it is asked, and that is all.
      const { server } = mcp as unknown as { server: { transport?: { onmessage?: unknown } } };
      const connect = mcp.connect.bind(mcp);
      mcp.connect = async (transport: never) => {
        await connect(transport);
        server.transport!.onmessage = () => asked.resolve();
      };
      return mcp;
    },
  });
  const alice = await begin(a.mcpUrl);
  await a.crash();
  const there = elsewhere(alice, b);
  const followed = there.call("note", { value: "followed" });
  await asked.promise;
  const waited = there.call("note", { value: "waited" });
  await takeFrom(b, c, alice);
  b.faults.isAway = false;
  expect(await followed).toBe("noted");
  expect(await waited).toBe("noted");
  expect(nodes.map(({ router }) => router.sessions.size)).toEqual([1, 0, 1]);
});
