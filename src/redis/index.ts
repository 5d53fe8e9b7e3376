/**
 * Many nodes over one Redis: `redisCluster`, for option `cluster`, and `RedisStorage`, for their sign-in.
 *
 * @module express-mcp-sse/cluster/redis
 */
export { redisCluster } from "./redis-cluster.js";
export type { RedisClusterOptions } from "./redis-cluster.js";
export { RedisStorage } from "./redis-storage.js";
export type { RedisStorageOptions } from "./redis-storage.js";
export type { SignInStorage } from "../../strategies/storage/sign-in-storage.js";
export type { RedisClient } from "./redis-client.js";
export type { IoRedisClient } from "./ioredis.js";
export type { NodeRedisClient, NodeRedisCluster } from "./node-redis.js";
export type { ClusterConfig, ClusterInit, ClusterOptions } from "../cluster/cluster-config.js";
export type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "../cluster/engine.js";
export type { SharedCounter } from "../shared/shared-counter.js";
