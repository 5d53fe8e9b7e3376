/** Option `cluster` of ours. */
import { createClient } from "redis";

/** @param settings of the cluster, with `redisUrl`; without them there is none. */
export async function ourCluster(product, settings) {
  if (settings === undefined) return {};
  const { redisUrl, ...options } = settings;
  const { redisCluster } = await import(`${product}/cluster/redis`);
  const client = createClient({ url: redisUrl, disableOfflineQueue: true });
  client.on("error", () => undefined);
  await client.connect();
  return { cluster: redisCluster({ client, ...options }) };
}
