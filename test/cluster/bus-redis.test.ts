import { createClient } from "redis";
import { SealedBus } from "../../src/cluster/bus.js";
import { redisCluster } from "../../src/redis/index.js";
import { toLogger } from "../../src/shared/logger.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { Heard, SECRET } from "../kit/cluster/buses.js";
import { SwallowingProxy } from "../kit/cluster/proxy.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

describeWithRedis("nodes over a Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  async function open(port = redis.port) {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.on("error", () => undefined).connect();
    onDispose(() => client.destroy());
    return client;
  }

  async function startBus(port?: number) {
    const config = redisCluster({ client: await open(port), secret: SECRET, leaseMs: 3_000 });
    const logger = toLogger("logger", false);
    const bus = new SealedBus({ engine: config.createEngine(), config, logger });
    onDispose(() => bus.stop(1_000));
    bus.start();
    expect(await bus.whenUp(60_000)).toBe(true);
    return bus;
  }

  /** Two of them, and an exchange that both have. */
  async function startTwo(port?: number) {
    const [one, two] = [await startBus(), await startBus(port)];
    two.onExchange("echo", (_opening, exchange) => {
      exchange.onFrame = (frame) => exchange.send(frame);
    });
    const heard = new Heard(one.open(two.node, ["echo"]));
    await until(() => heard.exchange.unheard === 0);
    return { one, two, heard };
  }

  it("CLUSTER-10: lose nothing when their subscriptions are cut", async () => {
    const { heard } = await startTwo();
    const admin = await open();
    for (let n = 0; n < 30; n++) {
      heard.exchange.send(["n", n]);
      if (n % 10 === 5) await admin.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
      await heard.until(({ frames, lost }) => frames.length > n || lost !== undefined);
    }
    expect(heard.lost).toBeUndefined();
    expect(heard.frames).toEqual(Array.from({ length: 30 }, (_, n) => ["n", n]));
  });

  it("CLUSTER-15: notice that it was emptied, and find each other again", async () => {
    const { one, two, heard } = await startTwo();
    const emptied = [one, two].map((bus) => {
      const told = signal();
      bus.on("emptied", told.resolve);
      return told.promise;
    });
    await (await open()).flushAll();
    expect(await one.confirmDirectory()).toBe(false);
    await Promise.all(emptied);
    await until(() => one.nodes().length === 2 && two.nodes().length === 2);
    heard.exchange.send(["still"]);
    await heard.until(({ frames }) => frames.length === 1);
    expect(await one.isAlive(two.node)).toBe(true);
  });

  it("CLUSTER-13: find out that a connection is dead though it stays open", async () => {
    const proxy = await SwallowingProxy.start(redis.port);
    onDispose(() => proxy.stop());
    const { one, two } = await startTwo(proxy.port);
    const [gone, down] = [signal<string>(), signal()];
    one.on("node-lost", gone.resolve);
    two.on("down", down.resolve);
    proxy.swallow();
    await down.promise;
    expect(await gone.promise).toBe(two.node);
    expect(two.holdsLease).toBe(false);
  });
});
