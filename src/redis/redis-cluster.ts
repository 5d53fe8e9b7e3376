import { CLUSTER, readClusterOptions } from "../cluster/cluster-config.js";
import type { ClusterConfig, ClusterOptions } from "../cluster/cluster-config.js";
import { checkOptionNames } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { Connection } from "./connection.js";
import { portOf } from "./redis-client.js";
import type { RedisClient } from "./redis-client.js";
import { createCounter } from "./redis-counter.js";
import { RedisEngine } from "./redis-engine.js";

/** What makes a cluster of nodes that have one Redis. All of them need the same. */
export interface RedisClusterOptions extends ClusterOptions {
  /**
   * A client of yours, of `redis` 5 or later, `ioredis` 5 or later, or `iovalkey`. It is used for commands,
   * and never closed; `duplicate()` makes the connection that hears messages, which is closed with the
   * router. Required.
   */
  client: RedisClient;
}

/** {@link RedisClusterOptions}. */
export const REDIS_CLUSTER = {
  client: opt.custom("client", portOf),
  ...CLUSTER,
} satisfies opt.Declares<RedisClusterOptions>;

/**
 * Makes what option `cluster` takes: nodes that work together over Redis 6.2 or later, or Valkey.
 *
 * Redis is trusted with nothing: what goes there is sealed, names are digests, and what is lost there is
 * written again. It needs no persistence.
 *
 * ```ts
 * const client = await createClient({ url: "redis://redis.internal" })
 *   .on("error", (error) => console.error(error.message))
 *   .connect();
 * const router = createMcpRouter({
 *   auth,
 *   createServer,
 *   cluster: redisCluster({ client, secret }),
 * });
 * ```
 *
 * @throws TypeError for a wrong option.
 */
export function redisCluster(options: RedisClusterOptions): ClusterConfig {
  const name = "redisCluster";
  checkOptionNames(name, options, Object.keys(REDIS_CLUSTER));
  const port = REDIS_CLUSTER.client.read(`${name}.client`, options.client);
  const settings = readClusterOptions(name, options);
  const connection = new Connection(port);
  return {
    ...settings,
    createEngine: () => new RedisEngine(port, connection, settings.prefix),
    createCounter: (windowMs) => createCounter(connection, settings.prefix, windowMs),
  };
}
