import { inspect } from "node:util";
import { createClient } from "redis";
import { clusterEngineContract } from "../../src/cluster-contract/index.js";
import { redisCluster, RedisStorage } from "../../src/redis/index.js";
import { codeOf } from "../../src/redis/connection.js";
import { portOf } from "../../src/redis/redis-client.js";
import type { RedisClient } from "../../src/redis/index.js";
import { read } from "../docs/pages.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers, jumpingClock } from "../kit/clock.js";
import { SwallowingProxy } from "../kit/cluster/proxy.js";
import { CLIENTS } from "../kit/cluster/redis-clients.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";
import { isSettled, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const MINUTE_MS = 60_000;

const NOT_HERE = { notApplicable: "the engine's own tests do it" };

/** The arguments of `ACL` in docs/cluster.md. */
function documentedUser(): readonly string[] {
  const [, written = ""] = /^ACL (SETUSER [^`]+)```/m.exec(read("docs/cluster.md")) ?? [];
  return written.trim().split(/\s+/);
}

const SECRET = "0123456789abcdef0123456789abcdef";

describe("redisCluster", () => {
  it.each([
    ["nothing", undefined],
    ["a URL", "redis://127.0.0.1"],
    ["an object", {}],
    ["a client for sentinels", Object.assign(createClient(), { getSentinelNode: undefined })],
  ])("CLUSTER-8: takes no client that is %s, and says what to write", (_what, client) => {
    expect(() => redisCluster({ client: client as never, secret: SECRET })).toThrow(
      /^redisCluster\.client is no client of Redis that is known\. Write await createClient\(/,
    );
  });

  it("CLUSTER-8: takes no option that does not exist, and a secret", () => {
    const client = createClient();
    const make = (options: object) => () => redisCluster({ client, ...options } as never);
    expect(make({})).toThrow("redisCluster.secret must be a text with at least 32 characters");
    expect(make({ secret: SECRET, lease: 1 })).toThrow("redisCluster.lease is not an option");
    expect(make({ secret: SECRET, prefix: "{a}" })).toThrow("redisCluster.prefix must be");
    expect(make({ secret: [SECRET], prefix: "a" })()).toMatchObject({
      ...{ secret: [SECRET], prefix: "a", leaseMs: 15_000 },
    });
  });
});

describeWithRedis("redisCluster, with a Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  async function open(name: keyof typeof CLIENTS = "redis", port = redis.port, as = "") {
    const own = await CLIENTS[name]({ url: `redis://${as}127.0.0.1:${port}` });
    onDispose(() => own.close());
    return own.client;
  }

  function engineOf(client: RedisClient, prefix = "pre.fix") {
    const engine = redisCluster({ client, secret: SECRET, prefix }).createEngine();
    onDispose(() => engine.leave());
    return engine;
  }

  it("CLUSTER-7: has all names below the prefix, with one hash tag, and a time to live for each", async () => {
    await redis.flush();
    const watch = await redis.watch();
    onDispose(() => watch.stop());
    const engine = engineOf(await open());
    await engine.join("node", () => undefined);
    await engine.send("node", "message");
    await engine.broadcast("message");
    await engine.put("record", "value", 0, MINUTE_MS);
    await engine.write([{ key: "plain", value: "value", ttlMs: MINUTE_MS }]);
    await engine.index.add("set", "name", Date.now() + MINUTE_MS);
    await engine.index.addUnlessFull("other", "name", Date.now() + MINUTE_MS, 1);
    expect([...(await redis.keys())].sort()).toEqual([
      ...[
        "{pre.fix}:key:plain",
        "{pre.fix}:key:record",
        "{pre.fix}:set:other",
        "{pre.fix}:set:set",
      ],
    ]);
    for (const key of await redis.keys()) {
      const ttl = Number(await redis.command("PTTL", key));
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(MINUTE_MS + 1_000);
    }
    const channels = await redis.command("PUBSUB", "CHANNELS");
    expect(channels.split("\n").every((channel) => channel.startsWith("{pre.fix}:"))).toBe(true);
    await engine.index.remove("set", "name");
    expect(await redis.keys()).toHaveLength(3);
  });

  it("CLUSTER-7: two prefixes hear, and read, nothing of each other", async () => {
    const client = await open();
    const [one, other] = [engineOf(client, "one"), engineOf(client, "other")];
    const heard: string[] = [];
    await one.join("node", (message) => void heard.push(message));
    await other.put("key", "value", 0, MINUTE_MS);
    expect(await other.send("node", "1")).toBe("nobody");
    await other.broadcast("2");
    expect(await one.get("key")).toBeUndefined();
    expect(await one.send("node", "3")).toBe("sent");
    await until(() => heard.length > 0);
    expect(heard).toEqual(["3"]);
  });

  it.each(["redis", "ioredis"] as const)(
    "CLUSTER-7: closes the connection that hears, and not the client, which is of %s",
    async (name) => {
      const client = await open(name);
      const engine = engineOf(client);
      await engine.join("node", () => undefined);
      expect(await redis.subscribers()).toBe(1);
      await engine.join("again", () => undefined);
      await until(async () => (await redis.subscribers()) === 1);
      await engine.leave();
      await until(async () => (await redis.subscribers()) === 0);
      expect(await engine.send("node", "message")).toBe("nobody");
    },
  );

  it.each(["redis", "redis 5", "ioredis", "iovalkey"] as const)(
    "CLUSTER-7: leaves no connection that hears where that is closed while it is being made, with a client of %s",
    async (name) => {
      const port = portOf("client", await open(name));
      const [closed, other] = [1, 2].map(() => port.listen(["channel"], () => undefined));
      closed!.opened.catch(() => undefined);
      closed!.close();
      // That was asked for later, so Redis knows of both.
      await other!.opened;
      other!.close();
      await until(async () => (await redis.subscribers()) === 0);
    },
  );

  it.each(["ioredis", "iovalkey"] as const)(
    "CLUSTER-7: waits for nothing where the connection that it closes is gone already, with a client of %s",
    async (name) => {
      await redis.command("ACL", "SETUSER", "gone", "on", ">pw", "~*", "&*", "+@all");
      const client = await open(name, redis.port, "gone:pw@");
      await redis.command("ACL", "SETUSER", "gone", "<pw", ">next");
      const listening = portOf("client", client).listen(["channel"], () => undefined);
      await expect(listening.opened).rejects.toThrow();
      freezeTimers();
      listening.close();
      jest.advanceTimersByTime(1);
      expect(jest.getTimerCount()).toBe(0);
    },
  );

  it.each(["redis", "ioredis"] as const)(
    "CLUSTER-7: shows no argument, address or password when Redis refuses a client of %s",
    async (name) => {
      const engine = engineOf(await open(name));
      await engine.put("key", "value", 0, MINUTE_MS);
      await redis.command("CONFIG", "SET", "maxmemory", "1");
      onDispose(() => redis.command("CONFIG", "SET", "maxmemory", "200mb"));
      const error: unknown = await engine
        .put("key-of-it", "argument", 0, MINUTE_MS)
        .catch((cause: unknown) => cause);
      expect(String(error)).toMatch(/^Error: Redis: EVALSHA failed with OOM$/);
      const shown = inspect(error, { depth: null, showHidden: true }).replaceAll(/^ +at .*$/gm, "");
      for (const secret of ["argument", "key-of-it", "127.0.0.1", String(redis.port)]) {
        expect(shown).not.toContain(secret);
      }
    },
  );

  it.each(["redis", "ioredis"] as const)(
    "CLUSTER-6: says why Redis lets a client of %s hear nothing",
    async (name) => {
      await redis.command("ACL", "SETUSER", "deaf", "on", ">pw", "~*", "resetchannels", "+@all");
      const engine = engineOf(await open(name, redis.port, "deaf:pw@"));
      await expect(engine.join("node", () => undefined)).rejects.toThrow(
        /^Redis: SUBSCRIBE failed with NOPERM$/,
      );
    },
  );

  it("CLUSTER-7: the user of Redis that the documentation makes may do all that is asked", async () => {
    await redis.command("ACL", ...documentedUser());
    const client = await open("redis", redis.port, "mcp:PASSWORD@");
    const { createEngine, createCounter } = redisCluster({ client, secret: SECRET });
    const fixture = { create: createEngine, outage: NOT_HERE, cut: NOT_HERE };
    for (const { run } of clusterEngineContract(fixture)) await run();
    const counted = await createCounter?.(MINUTE_MS).penalty("key");
    expect(counted).toMatchObject({ consumedPoints: 1 });
    const storage = new RedisStorage({ client });
    await storage.set("key", "value", MINUTE_MS);
    expect(await storage.get("key")).toBe("value");
    expect(await storage.add("other", "value", MINUTE_MS)).toBe(true);
    expect(await storage.take("key")).toBe("value");
    await storage.delete("other");
  });

  it.each(["redis 5", "ioredis", "iovalkey"] as const)(
    "CLUSTER-7: that user may join with a client of %s",
    async (name) => {
      await redis.command("ACL", ...documentedUser());
      const engine = redisCluster({
        ...{ client: await open(name, redis.port, "mcp:PASSWORD@"), secret: SECRET },
      }).createEngine();
      onDispose(() => engine.leave());
      await engine.join("node", () => undefined);
      expect(await engine.send("node", "message")).toBe("sent");
    },
  );

  it("CLUSTER-6: says why Redis does not let in what hears, also where that tries again for ever", async () => {
    await redis.command("ACL", "SETUSER", "user", "on", ">pw", "~*", "&*", "+@all");
    const [client, other] = [
      await open("ioredis", redis.port, "user:pw@"),
      await open("redis", redis.port, "user:pw@"),
    ];
    await redis.command("ACL", "SETUSER", "user", "<pw", ">next");
    await expect(engineOf(client).join("node", () => undefined)).rejects.toThrow(
      /^Redis: SUBSCRIBE failed with WRONGPASS$/,
    );
    const listening = portOf("client", other).listen(["channel"], () => undefined);
    onDispose(() => listening.close());
    listening.opened.catch(() => undefined);
    await until(() => codeOf(listening.trouble()) === "WRONGPASS");
  });

  it("CLUSTER-6: outlives a Redis whose client has no listener for errors", async () => {
    const own = await TestRedis.start();
    onDispose(() => own.stop());
    const client = await createClient({ url: own.url }).connect();
    onDispose(() => client.destroy());
    const engine = engineOf(client);
    await engine.put("key", "value", 0, MINUTE_MS);
    // An error event that nobody takes would be an error of this process, and of this test.
    await own.kill();
    await until(() => !client.isReady);
    await expect(engine.get("key")).rejects.toThrow("there is no connection");
  });

  it("CLUSTER-6: rejects within seconds when Redis hangs, at once when there is no connection, and goes on by itself", async () => {
    const own = await TestRedis.start();
    onDispose(() => own.stop());
    const engine = engineOf(await open("redis", own.port));
    await engine.put("key", "value", 0, MINUTE_MS);
    jumpingClock();
    own.freeze();
    const asked = engine.get("key");
    asked.catch(() => undefined);
    expect(await isSettled(asked)).toBe(false);
    jest.advanceTimersByTime(4_000);
    await expect(asked).rejects.toThrow("Redis: GET got no answer");
    own.thaw();
    await until(async () => (await engine.get("key").catch(() => undefined)) !== undefined);
    await own.kill();
    await until(() => engine.get("key").then(neverHere, isUnsent));
    await own.restart();
    await until(() => engine.put("key", "again", 0, MINUTE_MS).catch(() => false));
  });

  it("CLUSTER-1: replaces a connection that is open and hears nothing", async () => {
    const proxy = await SwallowingProxy.start(redis.port);
    onDispose(() => proxy.stop());
    jumpingClock();
    // Commands go another way: only what hears is cut off.
    const client = await open();
    const duplicate = () => createClient({ url: `redis://127.0.0.1:${proxy.port}` });
    const engine = engineOf(Object.assign(Object.create(client), { duplicate }) as RedisClient);
    const heard: string[] = [];
    await engine.join("deaf", (message) => void heard.push(message));
    proxy.swallow();
    expect(await engine.send("deaf", "lost")).toBe("sent");
    await until(async () => {
      jest.advanceTimersByTime(500);
      await engine.send("deaf", "found");
      await turn();
      return heard.length > 0;
    });
    expect(heard[0]).toBe("found");
  });
});

function neverHere(): never {
  throw new Error("there is no Redis");
}

function isUnsent(error: Error): boolean {
  return error.message === "Redis: GET was not sent, there is no connection";
}
