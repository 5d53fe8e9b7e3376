import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster } from "../kit/cluster/routers.js";
import { begin, StreamableConversation } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

it("CLUSTER-36: a node that was out of touch for longer than its lease lets go of what others went on with", async () => {
  const { nodes } = await serveCluster({ settings: { leaseMs: 1_000 } });
  const [a, b] = nodes;
  const reasons: string[] = [];
  a.router.sessions.on("closed", (_session, reason) => reasons.push(reason));
  const alice = await begin(a.mcpUrl);
  const idle = await begin(a.mcpUrl);
  a.faults.isAway = true;
  const there = new StreamableConversation(b.mcpUrl, alice.sessionId, alice.headers);
  await until(
    async () => (await there.post({ jsonrpc: "2.0", id: 1, method: "ping" })).status === 200,
  );
  expect(b.router.sessions.size).toBe(1);
  // Nobody could take a session from it without the engine, as far as it can know.
  expect(await idle.call("echo", { text: "here" })).toBe("here");
  a.faults.isAway = false;
  await until(() => reasons.length > 0);
  expect(reasons).toEqual(["superseded"]);
  expect(await alice.call("echo", { text: "at its new home" })).toBe("at its new home");
  expect([a, b].map(({ router }) => router.sessions.size)).toEqual([1, 1]);
});
