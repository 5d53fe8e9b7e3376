import { FailureThrottle } from "../../src/auth/failure-throttle.js";
import { counterOfAll } from "../../src/cluster/counter-of-all.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { redisCluster } from "../../src/redis/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { CLIENTS } from "../kit/cluster/redis-clients.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";

cleanUpAfterEach();

const LIMIT = { maxFailures: 3, windowMs: 60_000 };

const ADDRESS = "192.0.2.44";

const secret = "0123456789abcdef0123456789abcdef";

it("CLUSTER-9: each node counts for itself over an engine that cannot count", () => {
  expect(counterOfAll("address", 1_000, memoryCluster({ secret }))).toBeUndefined();
  expect(counterOfAll("address", 1_000, undefined)).toBeUndefined();
});

describeWithRedis("the throttle of several nodes", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  async function node(name: keyof typeof CLIENTS): Promise<FailureThrottle> {
    const own = await CLIENTS[name](redis);
    onDispose(() => own.close());
    const cluster = redisCluster({ client: own.client, secret });
    return new FailureThrottle(LIMIT, counterOfAll("address", LIMIT.windowMs, cluster));
  }

  it("CLUSTER-9: bad credentials are counted for all nodes, each address by itself, by digests", async () => {
    const nodes = [await node("redis"), await node("ioredis"), await node("iovalkey")];
    const [one, other, third] = nodes;
    for (const each of nodes) expect(await each.noteFailure(ADDRESS)).toBeUndefined();
    const waitMs = await one!.noteFailure(ADDRESS);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(LIMIT.windowMs);
    expect(await third!.noteFailure(ADDRESS)).toBeGreaterThan(0);
    expect(await other!.noteFailure("192.0.2.45")).toBeUndefined();
    const keys = await redis.keys();
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(key).toMatch(/^\{express-mcp-sse\}:counter:[\w-]{32}$/);
      expect(Number(await redis.command("TTL", key))).toBeGreaterThan(0);
    }
  });

  it("CLUSTER-9: an address is not counted with a rule of the same text", async () => {
    const own = await CLIENTS.redis(redis);
    onDispose(() => own.close());
    const cluster = redisCluster({ client: own.client, secret });
    for (const counted of ["address", "rule"] as const) {
      const counter = counterOfAll(counted, LIMIT.windowMs, cluster);
      expect(await counter?.penalty("text")).toMatchObject({ consumedPoints: 1 });
    }
  });

  it("CLUSTER-9: each node counts for itself while Redis hangs or is away, and nobody waits for it", async () => {
    const one = await node("redis");
    redis.freeze();
    const begun = performance.now();
    for (let time = 0; time < 3; time += 1) expect(await one.noteFailure(ADDRESS)).toBeUndefined();
    expect(await one.noteFailure(ADDRESS)).toBeGreaterThan(0);
    expect(performance.now() - begun).toBeLessThan(10_000);
    redis.thaw();
    await redis.kill();
    expect(await one.noteFailure(ADDRESS)).toBeGreaterThan(0);
    await redis.restart();
  });
});
