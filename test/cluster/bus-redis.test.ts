import { createClient } from "redis";
import { SealedBus } from "../../src/cluster/bus.js";
import { redisCluster } from "../../src/redis/index.js";
import type { RedisClient } from "../../src/redis/index.js";
import { toLogger } from "../../src/shared/logger.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { Heard, SECRET } from "../kit/cluster/buses.js";
import { SwallowingProxy } from "../kit/cluster/proxy.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const nothing = (): void => undefined;

const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

describeWithRedis("nodes over a Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  async function open(port = redis.port, database = 0) {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, database });
    await client.on("error", () => undefined).connect();
    onDispose(() => client.destroy());
    return client;
  }

  it("CLUSTER-6: a node says why Redis does not let in what hears, however short its lease is", async () => {
    await redis.command("ACL", "SETUSER", "user", "on", ">pw", "~*", "&*", "+@all");
    const url = `redis://user:pw@127.0.0.1:${redis.port}`;
    const client = createClient({ url });
    await client.on("error", () => undefined).connect();
    onDispose(() => client.destroy());
    await redis.command("ACL", "SETUSER", "user", "<pw", ">next");
    const config = redisCluster({ client, secret: SECRET, leaseMs: 1_000 });
    const logger = toLogger("logger", false);
    const bus = new SealedBus({ engine: config.createEngine(), config, logger });
    onDispose(() => bus.stop(0));
    bus.start();
    await until(() => bus.trouble !== undefined);
    expect((bus.trouble as Error).message).toBe("Redis: SUBSCRIBE failed with WRONGPASS");
  });

  async function startBus(port?: number) {
    const config = redisCluster({ client: await open(port), secret: SECRET, leaseMs: 3_000 });
    const logger = toLogger("logger", false);
    const bus = new SealedBus({ engine: config.createEngine(), config, logger });
    onDispose(() => bus.stop(1_000));
    bus.start();
    expect(await bus.whenUp(60_000)).toBe(true);
    return bus;
  }

  /** One of a prefix of its own that waits for nobody, and what it logs at `warn`. */
  function makeBus(client: RedisClient, prefix: string, secret = SECRET) {
    const config = redisCluster({ client, secret, prefix, leaseMs: 3_000 });
    const warned: string[] = [];
    const keep = (line: string) => void warned.push(line);
    const logger = toLogger("logger", { ...SILENT, warn: keep });
    const bus = new SealedBus({ engine: config.createEngine(), config, logger });
    onDispose(() => bus.stop(1_000));
    bus.start();
    return { bus, warned };
  }

  it("CLUSTER-14: say so when one is heard that is not in their directory, as in another database", async () => {
    const one = makeBus(await open(), "databases");
    await until(() => one.bus.isDirectoryComplete);
    const other = makeBus(await open(redis.port, 1), "databases");
    await until(() => one.warned.length > 0);
    expect(one.warned).toEqual([
      "A node of the cluster is heard that is not in this one's directory: has its client another database, or keyPrefix?",
    ]);
    // One that came and went, and one that is there, are none of those.
    await other.bus.stop(1_000);
    const third = makeBus(await open(), "databases");
    await until(() => one.bus.nodes().length === 2);
    const gone = makeBus(await open(), "databases");
    expect(await gone.bus.whenUp(60_000)).toBe(true);
    await gone.bus.stop(1_000);
    await one.bus.gather(["who"], 1_000);
    expect(third.bus.state).toBe("up");
    expect(one.warned).toHaveLength(1);
  });

  it("CLUSTER-14: say so when they are in one process: of a router that is made for each request", async () => {
    const client = await open();
    const one = makeBus(client, "requests");
    await one.bus.whenUp(60_000);
    await makeBus(client, "other").bus.whenUp(60_000);
    expect(one.warned).toEqual([]);
    const two = makeBus(client, "requests");
    await two.bus.whenUp(60_000);
    expect(two.warned).toEqual([
      'This process has 2 nodes of the cluster "requests": make a router once, not for each request, and give each endpoint a prefix of its own',
    ]);
    await two.bus.stop(1_000);
    await one.bus.stop(1_000);
    const three = makeBus(client, "requests");
    await three.bus.whenUp(60_000);
    expect(three.warned).toEqual([]);
  });

  it("CLUSTER-18: know why they are not up", async () => {
    const client = createClient({ url: redis.url });
    const { bus } = makeBus(client, "why");
    await until(() => bus.trouble !== undefined);
    expect(String(bus.trouble)).toBe("Error: Redis: PUBLISH was not sent, there is no connection");
    await client.connect();
    onDispose(() => client.destroy());
    expect(await bus.whenUp(60_000)).toBe(true);
    expect(bus.trouble).toBeUndefined();
  });

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

  it("CLUSTER-16: change their secret at once when all are stopped and the marker is deleted by its documented name", async () => {
    const client = await open();
    const before = makeBus(client, "leaked");
    await before.bus.whenUp(60_000);
    await before.bus.stop(1_000);
    const { bus, warned } = makeBus(client, "leaked", `${SECRET} (2)`);
    await until(() => warned.length > 0);
    expect(warned[0]).toContain("The cluster's marker does not open");
    expect(await client.del("{leaked}:key:epoch")).toBe(1);
    expect(await bus.whenUp(60_000)).toBe(true);
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
