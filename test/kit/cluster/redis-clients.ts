import { Cluster as IoCluster, Redis as IoRedis } from "ioredis";
import { Redis as IoRedis5 } from "ioredis5";
import { Redis as IoValkey } from "iovalkey";
import { createClient, createCluster } from "redis";
import { createClient as createClient5 } from "redis5";
import type { RedisClient } from "../../../src/redis/index.js";

/** Where a Redis is. */
export interface Reachable {
  readonly url: string;
}

/** A client as an application has it. */
export interface OpenClient {
  readonly client: RedisClient;
  close(): void;
}

/** How each package connects, by its name. */
export const CLIENTS = {
  redis: async ({ url }: Reachable): Promise<OpenClient> => {
    const client = createClient({ url });
    await client.on("error", ignore).connect();
    return { client, close: () => client.destroy() };
  },
  "redis 5": async ({ url }: Reachable): Promise<OpenClient> => {
    const client = createClient5({ url, disableOfflineQueue: true });
    await client.on("error", ignore).connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: ({ url }: Reachable) => ioClient(new IoRedis(url)),
  "ioredis 5": ({ url }: Reachable) => ioClient(new IoRedis5(url, { keyPrefix: "app:" })),
  iovalkey: ({ url }: Reachable) => ioClient(new IoValkey(url)),
} satisfies Record<string, (redis: Reachable) => Promise<OpenClient>>;

/** The same, for a cluster of Redis. */
export const CLUSTER_CLIENTS = {
  "redis, with a cluster": async ({ url }: Reachable): Promise<OpenClient> => {
    const client = createCluster({ rootNodes: [{ url }] });
    await client.on("error", ignore).connect();
    return { client, close: () => client.destroy() };
  },
  "ioredis, with a cluster": ({ url }: Reachable) => ioClient(new IoCluster([url])),
} satisfies Record<string, (redis: Reachable) => Promise<OpenClient>>;

const ignore = (): void => undefined;

/** What the clients of that family have in common. */
interface IoClient {
  on(event: "error", listener: () => void): unknown;
  once(event: "ready", listener: () => void): unknown;
  disconnect(): void;
}

async function ioClient(client: IoClient & RedisClient): Promise<OpenClient> {
  client.on("error", ignore);
  await new Promise<void>((resolve) => void client.once("ready", resolve));
  return { client, close: () => client.disconnect() };
}
