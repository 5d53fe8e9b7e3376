import { clusterEngineContract } from "../../src/cluster-contract/index.js";
import type { ContractCheck } from "../../src/cluster-contract/index.js";
import { redisCluster } from "../../src/redis/index.js";
import { CLIENTS, CLUSTER_CLIENTS } from "../kit/cluster/redis-clients.js";
import type { OpenClient } from "../kit/cluster/redis-clients.js";
import { describeWithRedis, TestRedis } from "../kit/redis.js";

interface Plug {
  readonly name: string;
  readonly isCluster: boolean;
  readonly open: (redis: TestRedis) => Promise<OpenClient>;
}

const PLUGS: readonly Plug[] = [
  ...Object.entries(CLIENTS).map(([name, open]) => ({ name, open, isCluster: false })),
  ...Object.entries(CLUSTER_CLIENTS).map(([name, open]) => ({ name, open, isCluster: true })),
];

/** A client with a Redis of its own, so that all can lose theirs at a time. */
class Running {
  readonly name: string;
  readonly redis: TestRedis;
  readonly own: OpenClient;

  constructor(name: string, redis: TestRedis, own: OpenClient) {
    this.name = name;
    this.redis = redis;
    this.own = own;
  }

  static async start({ name, isCluster, open }: Plug): Promise<Running> {
    const redis = await TestRedis.start({ isCluster });
    return new Running(name, redis, await open(redis));
  }

  get checks(): readonly ContractCheck[] {
    const { redis, own } = this;
    return clusterEngineContract({
      create: () => redisCluster({ client: own.client, secret: false }).createEngine(),
      outage: { begin: () => redis.kill(), end: () => redis.restart() },
      cut: () => redis.cutSubscribers(),
    });
  }

  async run(name: string): Promise<void> {
    const check = this.checks.find((one) => one.name === name);
    try {
      await onceMoreWhereStalled(() => check!.run());
    } catch (cause) {
      throw new Error(`with a client of ${this.name}: ${String(cause)}`, { cause });
    }
  }

  async stop(): Promise<void> {
    this.own.close();
    await this.redis.stop();
  }
}

/**
 * Every client has a Redis of its own, on a machine that may be busy with something else. An answer that takes longer
 * than the engine waits for, four seconds, is that machine's fault once; not three times in a row.
 */
async function onceMoreWhereStalled(run: () => Promise<void>): Promise<void> {
  for (let left = 2; ; left--) {
    try {
      await run();
      return;
    } catch (error) {
      if (left === 0 || !/got no answer|SUBSCRIBE failed/.test(String(error))) throw error;
    }
  }
}

describeWithRedis(
  "CLUSTER-1, CLUSTER-2, CLUSTER-3, CLUSTER-4, CLUSTER-5, CLUSTER-6: the Redis engine, with each kind of client",
  () => {
    let all: readonly Running[] = [];

    beforeAll(async () => {
      all = await Promise.all(PLUGS.map((plug) => Running.start(plug)));
    });
    afterAll(async () => {
      await Promise.all(all.map((running) => running.stop()));
    });

    it("CLUSTER-6: a command is timed once, and not by a signal of the client's as well, which costs as much as the command", async () => {
      const signals = jest.spyOn(AbortSignal, "timeout");
      try {
        for (const { own } of all) {
          const engine = redisCluster({ client: own.client, secret: false }).createEngine();
          expect(await engine.get("nothing")).toBeUndefined();
        }
        expect(signals).not.toHaveBeenCalled();
      } finally {
        signals.mockRestore();
      }
    });

    const nothing = (): never => {
      throw new Error("only names are asked for");
    };
    const checks = clusterEngineContract({
      create: nothing,
      outage: { begin: nothing, end: nothing },
      cut: nothing,
    });
    it.each(checks)("$name", async ({ name }) => {
      await Promise.all(all.map((running) => running.run(name)));
    });
  },
);
