import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeCluster } from "../kit/cluster/cluster.js";
import type { Cluster } from "../kit/cluster/cluster.js";
import { ClusterLoad, EVERY_KIND, NOTHING_LOST } from "../kit/cluster/load.js";
import type { Node } from "../kit/cluster/nodes.js";
import { keyOf, RoamingSession } from "../kit/cluster/raw.js";
import { SIZE } from "../kit/cluster/size.js";

cleanUpAfterEach();

/** So long that a busy machine is not taken for one that hangs. */
const LEASE_MS = 4_000;
const RELAY_MS = 3_000;

/** A status, or, where a client's error shows the body alone, what stands in that. */
const SAYS_SO = /503|"code":"(?:outcome_unknown|temporarily_unavailable)"/;

describeCluster("when Redis is away", (start) => {
  let cluster: Cluster;
  let nodes: [Node, Node, Node];
  beforeAll(async () => {
    cluster = await start({ cluster: { leaseMs: LEASE_MS, relayTimeoutMs: RELAY_MS } });
    nodes = cluster.nodes as [Node, Node, Node];
  });
  beforeEach(() => cluster.mend());

  const faults: [string, () => Promise<void>, () => Promise<void>][] = [
    ["killed, and comes back empty", () => cluster.redis.kill(), () => cluster.redis.restart()],
    [
      "frozen, with its connections open",
      async () => cluster.redis.freeze(),
      async () => cluster.redis.thaw(),
    ],
  ];
  it.each(faults)(
    "%s: sessions go on where they are, others' requests wait and get 503, and all heals by itself",
    async (_how, begin, end) => {
      const [home, other] = nodes;
      const session = await RoamingSession.open(cluster, home);
      expect((await session.whoami(other)).pid).toBe(home.pid);
      await begin();
      const until = performance.now() + SIZE.outageMs;
      const bens = keyOf(cluster, 1);
      const statuses = new Set<number>();
      do {
        expect((await session.whoami(home)).pid).toBe(home.pid);
        const relayed = await session.call(other, "whoami");
        statuses.add(relayed.status);
        if (relayed.status === 503) expect(relayed.headers["retry-after"]).toBeDefined();
        // Nobody gets in meanwhile.
        const another = await session.call(other, "whoami", {}, bens);
        expect([404, 503]).toContain(another.status);
        expect((await session.call(home, "whoami", {}, bens)).status).toBe(503);
        const stranger = await session.call(
          other,
          "whoami",
          {},
          { "x-api-key": "a-strangers-key" },
        );
        expect(stranger.status).toBe(401);
      } while (performance.now() < until);
      expect(statuses.has(503)).toBe(true);
      expect(statuses.has(404)).toBe(false);
      await end();
      let answer = await session.call(other, "whoami");
      while (answer.status === 503) answer = await session.call(other, "whoami");
      expect(answer.status).toBe(200);
      expect((await session.whoami(nodes[2])).session).toBe(session.id);
    },
  );

  const blips: [string, () => Promise<unknown>][] = [
    ["is emptied", () => cluster.redis.flush()],
    ["holds commands back for half a second", () => cluster.redis.pause(500)],
    ["cuts those who hear", () => cluster.redis.cutSubscribers()],
    ["cuts those who send", () => cluster.redis.cutSenders()],
  ];
  it.each(blips)("nothing is lost when Redis %s", async (_how, blip) => {
    const load = await ClusterLoad.start(cluster, EVERY_KIND);
    load.begin();
    await load.called(20);
    await blip();
    await load.called(40);
    await load.expectNothingLost();
  });

  it("killed, and back at once, empty, under load: sessions go on, nobody else gets in, and nobody gets 404", async () => {
    const [home, ...others] = nodes;
    const session = await RoamingSession.open(cluster, home);
    const load = await ClusterLoad.start(cluster, EVERY_KIND);
    load.begin();
    await load.called(20);
    let isOver = false;
    const askAll = async (): Promise<void> => {
      while (!isOver) {
        expect((await session.whoami(home)).pid).toBe(home.pid);
        for (const node of others) {
          expect([200, 503]).toContain((await session.call(node, "whoami")).status);
          const another = await session.call(node, "whoami", {}, keyOf(cluster, 1));
          expect([404, 503]).toContain(another.status);
          const key = { "x-api-key": "a-strangers-key" };
          expect((await session.call(node, "whoami", {}, key)).status).toBe(401);
        }
      }
    };
    const asking = askAll();
    await cluster.redis.kill();
    await cluster.redis.restart();
    await load.called(60);
    isOver = true;
    await asking;
    for (const node of nodes) expect((await session.whoami(node)).pid).toBe(home.pid);
    const totals = await load.stop();
    // What was on its way between two nodes may be refused, and says so; no client begins anew.
    const indefinite = load.failures.filter(({ why }) => !SAYS_SO.test(why));
    expect({ indefinite, ...totals }).toMatchObject({
      ...NOTHING_LOST,
      failed: load.failures.length,
      indefinite: [],
    });
  });
});
