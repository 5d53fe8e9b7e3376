import { optionError } from "../shared/check.js";
import { ioredisPort } from "./ioredis.js";
import type { IoRedisClient } from "./ioredis.js";
import { nodeRedisPort } from "./node-redis.js";
import type { NodeRedisClient, NodeRedisCluster } from "./node-redis.js";
import type { RedisPort } from "./redis-port.js";

/**
 * A client of yours: `createClient()` or `createCluster()` of `redis` 5 or later, or a `Redis` or `Cluster`
 * of `ioredis` 5 or later, or of `iovalkey`. It stays yours: it is used, and never closed.
 */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoRedisClient;

/** What a client can do, whichever package it is of. @throws TypeError that says what to write instead. */
export function portOf(name: string, client: unknown): RedisPort {
  const { call, sendCommand, subscribe, duplicate } = Object(client) as Record<string, unknown>;
  const isClient = typeof subscribe === "function" && typeof duplicate === "function";
  if (isClient && typeof call === "function") return ioredisPort(client as IoRedisClient);
  // A client for sentinels is asked in a way of its own.
  const isPlain = !("getSentinelNode" in Object(client));
  if (isClient && isPlain && typeof sendCommand === "function") {
    return nodeRedisPort(client as NodeRedisClient | NodeRedisCluster);
  }
  throw optionError(
    name,
    "is no client of Redis that is known",
    'Write await createClient({ url }).connect(), of the package "redis" from version 5 on, or ' +
      'new Redis(url), of "ioredis" from version 5 on or "iovalkey"; with sentinels the latter.',
  );
}
