import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeCluster } from "../kit/cluster/cluster.js";
import type { Cluster } from "../kit/cluster/cluster.js";
import { ClusterLoad, EVERY_KIND, killable } from "../kit/cluster/load.js";
import { answerForUnknown, keyOf, RoamingSession } from "../kit/cluster/raw.js";
import type { Node } from "../kit/cluster/nodes.js";
import { secret } from "../kit/leak-watch.js";
import { streamableV2Pinned } from "../kit/sdk-clients.js";

cleanUpAfterEach();

describeCluster("three nodes, a balancer without affinity, and Redis", (start) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await start({ cluster: { leaseMs: 3_000 } });
  });
  beforeEach(async () => {
    await cluster.mend();
    const { settings } = cluster;
    [settings.secret, settings.jwtSecret, ...settings.keys.map(({ key }) => key)].forEach(secret);
  });

  it("clients of every kind call through other nodes all the time, and lose nothing when their streams are killed", async () => {
    const load = await ClusterLoad.start(cluster, killable(EVERY_KIND));
    load.begin();
    await Promise.all([load.called(100), load.kill(16)]);
    await load.expectNothingLost();
  });

  it("all nodes are restarted one after the other, and no client loses a call, a message, or its session", async () => {
    const load = await ClusterLoad.start(cluster, EVERY_KIND);
    load.begin();
    await load.called(20);
    for (const node of cluster.nodes) await cluster.restart(node);
    await load.called(20);
    await load.expectNothingLost();
    expect(cluster.moves).toBeGreaterThan(0);
  });

  it("a node is killed: its sessions go on at others, and whoever had called is told", async () => {
    const [home, other, third] = cluster.nodes as [Node, Node, Node];
    const session = await RoamingSession.open(cluster, home);
    expect((await session.whoami(other)).pid).toBe(home.pid);
    await session.call(other, "memo");
    await home.kill();
    const seen = await session.whoami(third);
    expect(seen).toMatchObject({ session: session.id, isMoved: true, principal: "ann" });
    expect(seen.pid).not.toBe(home.pid);
    expect((await session.call(other, "memo")).text).toContain("roaming-");
    await home.start();
    expect((await session.whoami(home)).pid).toBe(seen.pid);
  });

  it("another's session is unknown at every node, with the same bytes as one that never was", async () => {
    const [home, ...others] = cluster.nodes as [Node, ...Node[]];
    const session = await RoamingSession.open(cluster, home);
    const bens = keyOf(cluster, 1);
    for (const node of [home, ...others]) {
      const refused = await session.call(node, "whoami", {}, bens);
      const unknown = await answerForUnknown(node, { ...session.headers, ...bens });
      expect([refused.status, refused.text]).toEqual([404, unknown.text]);
      expect((await session.call(node, "whoami", {}, { "x-api-key": "nobody's" })).status).toBe(
        401,
      );
    }
    expect((await session.whoami(others[0]!)).pid).toBe(home.pid);
  });

  it("requests of 2026-07-28 are answered by whichever node gets them, and ask no other", async () => {
    const load = await ClusterLoad.start(cluster, [{ kit: streamableV2Pinned, path: "/v2" }]);
    load.begin();
    await load.called(12);
    const totals = await load.stop();
    expect(totals).toMatchObject({ failed: 0, lost: 0, wrongPrincipal: 0, ranTwice: 0 });
  });
});
