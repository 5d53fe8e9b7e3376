import type { SignInStorage } from "../../strategies/storage/sign-in-storage.js";
import { prefix } from "../cluster/cluster-config.js";
import * as opt from "../shared/option.js";
import { Connection, textOf } from "./connection.js";
import { portOf } from "./redis-client.js";
import type { RedisClient } from "./redis-client.js";

/** Options of {@link RedisStorage}. */
export interface RedisStorageOptions {
  /** A client of yours, as for `redisCluster`; it may be the same. It is never closed. Required. */
  readonly client: RedisClient;
  /**
   * What names begin with: letters, digits and `. : _ -`. Sign-ins with the same, the same `publicUrl` and
   * the same keys are one authorization server. Default: `"express-mcp-sse:sign-in"`.
   */
  readonly prefix?: string;
}

/** {@link RedisStorageOptions}. */
export const REDIS_STORAGE = opt.objectOf({
  client: opt.custom("client", portOf),
  prefix: prefix("express-mcp-sse:sign-in"),
} satisfies opt.Declares<RedisStorageOptions>);

/**
 * A `SignInStorage` in Redis 6.2 or later, so that several nodes are one authorization server: a sign-in
 * goes on at any of them, and a code or a refresh token is redeemed once in all. Give `signIn.keys`, too.
 *
 * Security: it has no limit of entries, as the other storages have. Give Redis a `maxmemory` with
 * `noeviction`: then a flood of registrations is answered as an outage, and pushes out nothing. Have Redis
 * keep what it has (`appendonly yes`), or everybody signs in again after it was restarted.
 *
 * @example
 * ```ts
 * const signIn = { storage: new RedisStorage({ client }), keys };
 * ```
 */
export class RedisStorage implements SignInStorage {
  readonly #connection: Connection;
  readonly #prefix: string;

  /** @throws TypeError for a wrong option. */
  constructor(options: RedisStorageOptions) {
    const { client, prefix } = REDIS_STORAGE.read("RedisStorage options", options);
    this.#connection = new Connection(client);
    this.#prefix = `${prefix}:`;
  }

  async get(key: string): Promise<string | undefined> {
    return textOf(await this.#run("GET", key));
  }

  async set(key: string, value: string, ttlMs?: number): Promise<void> {
    await this.#run("SET", key, value, ...lifeOf(ttlMs));
  }

  async add(key: string, value: string, ttlMs?: number): Promise<boolean> {
    return textOf(await this.#run("SET", key, value, "NX", ...lifeOf(ttlMs))) === "OK";
  }

  async take(key: string): Promise<string | undefined> {
    return textOf(await this.#run("GETDEL", key));
  }

  async delete(key: string): Promise<void> {
    await this.#run("DEL", key);
  }

  #run(command: string, key: string, ...rest: readonly string[]): Promise<unknown> {
    const name = this.#prefix + key;
    return this.#connection.run([command, name, ...rest], name);
  }
}

/** Redis takes no time that is over: what comes so late is gone in a moment. */
function lifeOf(ttlMs: number | undefined): readonly string[] {
  return ttlMs === undefined ? [] : ["PX", String(Math.max(1, Math.ceil(ttlMs)))];
}
