import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster, serveNode } from "../kit/cluster/routers.js";
import type { Hub, RouterNode } from "../kit/cluster/routers.js";
import { begin, StreamableConversation } from "../kit/streamable.js";

cleanUpAfterEach();

const OLD = "the old secret of a cluster, long enough";
const NEXT = "the next secret of a cluster, long enough";

/** A node of the same cluster that has other secrets. */
async function serveWith(hub: Hub, ...secret: string[]): Promise<RouterNode> {
  return await serveNode({ ...hub, config: { ...hub.config, secret } }, {});
}

it("CLUSTER-83: the secret is changed in three deploys, sessions go on, and a node with the old one alone joins nothing", async () => {
  const settings = { secret: OLD, relayTimeoutMs: 1_000 };
  const { nodes, hub } = await serveCluster({ settings });
  const alice = await begin(nodes[0].mcpUrl);
  let [a, b]: readonly RouterNode[] = nodes;
  const call = (node: RouterNode) =>
    new StreamableConversation(node.mcpUrl, alice.sessionId, alice.headers).call("echo", {
      text: node.url,
    });
  for (const secrets of [[OLD, NEXT], [NEXT, OLD], [NEXT]]) {
    await a.router.close({ timeoutMs: 1_000 });
    expect(await call(b)).toBe(b.url);
    a = await serveWith(hub, ...secrets);
    expect(await call(a)).toBe(a.url);
    await b.router.close({ timeoutMs: 1_000 });
    expect(await call(a)).toBe(a.url);
    b = await serveWith(hub, ...secrets);
    expect(await call(b)).toBe(b.url);
  }
  await expect(serveWith(hub, OLD)).rejects.toThrow("marker does not open");
  expect(await call(a)).toBe(a.url);
});
