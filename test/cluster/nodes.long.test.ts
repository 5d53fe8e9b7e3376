import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeCluster } from "../kit/cluster/cluster.js";
import type { Cluster } from "../kit/cluster/cluster.js";
import { ClusterLoad, EVERY_KIND, killable } from "../kit/cluster/load.js";
import type { LoadClientOptions } from "../kit/cluster/load.js";
import type { Node } from "../kit/cluster/nodes.js";
import { RoamingSession } from "../kit/cluster/raw.js";
import { SIZE } from "../kit/cluster/size.js";
import { throughMcpRemote } from "../kit/mcp-remote.js";

cleanUpAfterEach();

const LEASE_MS = 3_000;
const RELAY_MS = 2_000;

/** On a machine that does many other things, too. */
const SLACK_MS = 5_000;

/** What tells a caller that a call has no answer: by nginx, by a node, by the node that goes on, by the connection. */
const DEFINITE =
  /50[234]|temporarily_unavailable|outcome_unknown|is gone: it may have been done|-32000|fetch failed|terminated|socket/i;

const times = (clients: readonly LoadClientOptions[]): LoadClientOptions[] =>
  Array.from({ length: SIZE.each }, () => clients).flat();

describeCluster("three nodes under load", (start) => {
  let cluster: Cluster;
  beforeAll(async () => {
    const options = { leaseMs: LEASE_MS, relayTimeoutMs: RELAY_MS };
    cluster = await start({ cluster: options, client: "ioredis", isAhead: true });
  });
  beforeEach(() => cluster.mend());

  it("nothing is lost while streams are killed all the time", async () => {
    const load = await ClusterLoad.start(cluster, times(killable(EVERY_KIND)));
    load.begin();
    await Promise.all([load.called(SIZE.calls), load.kill(SIZE.kills)]);
    await load.expectNothingLost();
  });

  it("nothing is lost while nodes are restarted one after the other, round after round", async () => {
    // Over HTTP+SSE it fails its own open calls when its stream ends.
    const remote = { kit: await throughMcpRemote({ transport: "http-only" }), path: "/v2" };
    const load = await ClusterLoad.start(cluster, times([...EVERY_KIND, remote]));
    load.begin();
    for (let round = 0; round < SIZE.rounds; round++) {
      for (const node of cluster.nodes) {
        await load.called(10);
        await cluster.restart(node);
      }
    }
    await load.called(20);
    await load.expectNothingLost();
  });

  it("when a node is killed, each call has an end in time, and every session goes on", async () => {
    const load = await ClusterLoad.start(cluster, times(EVERY_KIND));
    load.begin();
    for (const node of cluster.nodes) {
      await load.called(10);
      await node.kill();
      const killedAt = performance.now();
      await load.called(30);
      await node.start();
      const late = load.failures.filter(({ at }) => at > killedAt + LEASE_MS + RELAY_MS + SLACK_MS);
      expect(late).toEqual([]);
    }
    // Each loop calls once more, at least.
    await load.called(3 * EVERY_KIND.length * SIZE.each);
    const totals = await load.stop();
    const indefinite = load.failures.filter(({ why }) => !DEFINITE.test(why));
    expect({ indefinite: indefinite.slice(0, 3), ...totals }).toMatchObject({
      indefinite: [],
      lost: 0,
      outOfOrder: 0,
      ranTwice: 0,
      foreign: 0,
      wrongPrincipal: 0,
      begunAnew: 0,
    });
    expect(totals.longestMs).toBeLessThan(LEASE_MS + RELAY_MS + SLACK_MS);
  });

  it("a node that hangs loses its sessions when its lease is over, and gets none back when it goes on", async () => {
    const [home, other, third] = cluster.nodes as [Node, Node, Node];
    const session = await RoamingSession.open(cluster, home);
    expect((await session.whoami(other)).pid).toBe(home.pid);
    home.pause();
    const begin = performance.now();
    let answer = await session.call(other, "whoami");
    // Whether the call was heard, nobody can tell: it is not called again elsewhere.
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBeDefined();
    while (answer.status === 503) answer = await session.call(other, "whoami");
    expect(performance.now() - begin).toBeLessThan(LEASE_MS + RELAY_MS + SLACK_MS);
    const seen = await session.whoami(third);
    expect(seen).toMatchObject({ session: session.id, isMoved: true });
    home.resume();
    for (const node of [home, other, third]) {
      expect((await session.whoami(node)).pid).toBe(seen.pid);
    }
  });
});
