import { createClient } from "redis";
import { redisCluster } from "../../src/redis/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { SECRET } from "../kit/cluster/buses.js";
import { asCaller } from "../kit/conversation.js";
import { CLIENTS } from "../kit/cluster/redis-clients.js";
import { toolCall } from "../kit/raw-sse.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

describeWithRedis("all nodes, over a Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  async function serveNode(options: ServeMcpOptions = {}) {
    const own = await CLIENTS.redis({ url: `redis://127.0.0.1:${redis.port}` });
    onDispose(() => own.close());
    const cluster = redisCluster({ client: own.client, secret: SECRET });
    const served = await serveMcp({ ...options, cluster });
    await served.router.ready();
    return served;
  }

  it("CLUSTER-18: a router that cannot join says why to whoever waits for it, and at each refusal", async () => {
    const client = createClient({ url: redis.url });
    const cluster = redisCluster({ client, secret: SECRET, relayTimeoutMs: 100 });
    const { router, mcpUrl, lines } = await serveMcp({ cluster });
    const why = "Redis: PUBLISH was not sent, there is no connection";
    await router.ready().catch(() => undefined);
    await until(() => lines.some((line) => line.includes(why)));
    await expect(router.ready()).rejects.toThrow(`The cluster cannot be reached: ${why}`);
    const named = { ...asCaller(), "mcp-session-id": "one-of-before" };
    const { status, text } = await postMessage(mcpUrl, toolCall(1, "whoami", {}), named);
    expect([status, text.includes(why)]).toEqual([503, false]);
    expect(lines.at(-1)).toContain(`(Error: ${why})`);
  });

  it("CLUSTER-61, CLUSTER-66: what somebody has is listed, and ended, in all of them", async () => {
    await redis.flush();
    const [a, b] = [await serveNode(), await serveNode()];
    const facts = new Facts(a.router.sessions);
    const [one, two] = [await begin(a.mcpUrl), await begin(b.mcpUrl)];
    const all = b.router.cluster!.sessions;
    const { sessions } = await all.list({ principal: { id: "alice" } });
    expect(sessions.map(({ id }) => id).sort()).toEqual([one.sessionId, two.sessionId].sort());
    expect(await all.closeFor({ id: "alice" })).toMatchObject({ closed: 2, unreached: [] });
    expect(await facts.reasonOf(one.sessionId)).toBe("revoked");
    // What says so is under no name that can be read.
    expect((await redis.keys()).join("\n")).not.toMatch(/alice|owner|named/);
  });

  it("CLUSTER-67, CLUSTER-68: they begin no more conversations than one principal may have", async () => {
    const options = { sessions: { maxSessionsPerPrincipal: 2 } };
    const nodes = [await serveNode(options), await serveNode(options)];
    const urls = Array.from({ length: 8 }, (_one, at) => nodes[at % 2]!.mcpUrl);
    await Promise.allSettled(urls.map((url) => begin(url)));
    const begun = nodes.flatMap(({ router }) => router.sessions.list());
    expect(begun.filter(({ hasBegun }) => hasBegun)).toHaveLength(2);
  });
});
