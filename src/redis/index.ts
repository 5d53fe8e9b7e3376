/**
 * Many nodes over one Redis: `redisCluster`, for option `cluster`.
 *
 * @module express-mcp-sse/cluster/redis
 */
export { redisCluster } from "./redis-cluster.js";
export type { RedisClusterOptions } from "./redis-cluster.js";
export type { RedisClient } from "./redis-client.js";
export type { IoRedisClient } from "./ioredis.js";
export type { NodeRedisClient, NodeRedisCluster } from "./node-redis.js";
export type { ClusterConfig, ClusterInit, ClusterOptions } from "../cluster/cluster-config.js";
export type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "../cluster/engine.js";
