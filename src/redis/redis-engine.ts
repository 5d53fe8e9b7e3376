import type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "../cluster/engine.js";
import { isCounted, listOf, textOf } from "./connection.js";
import type { Connection } from "./connection.js";
import type { RedisPort } from "./redis-port.js";
import { ADD, ADD_UNLESS_FULL, LIST, PUT, TAKE, TOUCH, WRITE } from "./script.js";
import { Subscription } from "./subscription.js";

/** Keys of one command: longer lists keep Redis from others, and Lua takes no more than some thousands. */
const MAX_KEYS = 1_000;

/**
 * An engine over Redis: messages by PUBLISH to a channel of each node, values as texts with a time to
 * live, sets as sorted sets. All names have one hash tag, so that a cluster of Redis keeps them together.
 */
export class RedisEngine implements ClusterEngine {
  readonly index: SetIndex;
  readonly #port: RedisPort;
  readonly #connection: Connection;
  readonly #names: Names;
  #subscription: Subscription | undefined;

  constructor(port: RedisPort, connection: Connection, prefix: string) {
    this.#port = port;
    this.#connection = connection;
    this.#names = new Names(prefix);
    this.index = new RedisIndex(connection, this.#names);
  }

  async join(node: string, hear: (message: string) => void): Promise<void> {
    await this.leave();
    const proof = this.#names.proof(node);
    this.#subscription = new Subscription(this.#port, {
      ...{ channels: [this.#names.node(node), this.#names.all], hear, proof },
      prove: () => this.#connection.run(["PUBLISH", proof, ""]),
    });
    await this.#subscription.open();
  }

  async send(node: string, message: string): Promise<"sent" | "nobody"> {
    const hearers = await this.#publish(this.#names.node(node), message);
    // In a cluster, those who hear it from another node of Redis are not counted.
    return isCounted(hearers) || this.#port.isCluster ? "sent" : "nobody";
  }

  async broadcast(message: string): Promise<void> {
    await this.#publish(this.#names.all, message);
  }

  #publish(channel: string, message: string): Promise<unknown> {
    return this.#connection.run(["PUBLISH", channel, message], channel);
  }

  async get(key: string): Promise<VersionedValue | undefined> {
    const name = this.#names.key(key);
    const text = textOf(await this.#connection.run(["GET", name], name));
    if (text === undefined) return undefined;
    const end = text.indexOf(":");
    return { value: text.slice(end + 1), version: Number(text.slice(0, end)) };
  }

  async put(key: string, value: string, version: number, ttlMs: number): Promise<boolean> {
    const args = [String(version), value, lifeOf(ttlMs)];
    return isCounted(await this.#connection.script(PUT, [this.#names.key(key)], args));
  }

  async take(key: string, version: number): Promise<boolean> {
    return isCounted(
      await this.#connection.script(TAKE, [this.#names.key(key)], [String(version)]),
    );
  }

  async read(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    const parts = partsOf(keys.map((key) => this.#names.key(key)));
    const replies = await Promise.all(
      parts.map((names) => this.#connection.run(["MGET", ...names], names[0])),
    );
    return replies.flatMap((reply) => listOf(reply).map(textOf));
  }

  async write(writes: readonly EngineWrite[]): Promise<void> {
    const [first, ...others] = writes;
    if (first !== undefined && others.length === 0) {
      await this.#writeOne(first);
      return;
    }
    const scripts = partsOf(writes).map((part) =>
      this.#connection.script(
        WRITE,
        part.map(({ key }) => this.#names.key(key)),
        part.flatMap(({ value, ttlMs }) =>
          value === undefined ? ["0", ""] : [lifeOf(ttlMs), value],
        ),
      ),
    );
    await Promise.all(scripts);
  }

  /** A call waits for most of these, and Redis takes five times as long for a script. */
  async #writeOne({ key, value, ttlMs }: EngineWrite): Promise<void> {
    const name = this.#names.key(key);
    const command = value === undefined ? ["DEL", name] : ["SET", name, value, "PX", lifeOf(ttlMs)];
    await this.#connection.run(command, name);
  }

  async touch(keys: readonly string[], ttlMs: number): Promise<void> {
    const parts = partsOf(keys.map((key) => this.#names.key(key)));
    await Promise.all(parts.map((names) => this.#connection.script(TOUCH, names, [lifeOf(ttlMs)])));
  }

  async leave(): Promise<void> {
    this.#subscription?.close();
    this.#subscription = undefined;
  }
}

class RedisIndex implements SetIndex {
  readonly #connection: Connection;
  readonly #names: Names;

  constructor(connection: Connection, names: Names) {
    this.#connection = connection;
    this.#names = names;
  }

  async add(set: string, name: string, untilMs: number): Promise<void> {
    await this.#connection.script(ADD, [this.#names.set(set)], [name, ttlOf(untilMs)]);
  }

  async remove(set: string, name: string): Promise<void> {
    const key = this.#names.set(set);
    await this.#connection.run(["ZREM", key, name], key);
  }

  async list(set: string): Promise<readonly string[]> {
    const names = await this.#connection.script(LIST, [this.#names.set(set)], []);
    return listOf(names).map((name) => textOf(name) ?? "");
  }

  async addUnlessFull(set: string, name: string, untilMs: number, max: number): Promise<boolean> {
    const args = [name, ttlOf(untilMs), String(max)];
    return isCounted(await this.#connection.script(ADD_UNLESS_FULL, [this.#names.set(set)], args));
  }
}

/** What things are called in Redis. */
class Names {
  readonly all: string;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = `{${prefix}}`;
    this.all = `${this.#prefix}:all`;
  }

  node(name: string): string {
    return `${this.#prefix}:node:${name}`;
  }

  proof(node: string): string {
    return `${this.#prefix}:proof:${node}`;
  }

  key(name: string): string {
    return `${this.#prefix}:key:${name}`;
  }

  set(name: string): string {
    return `${this.#prefix}:set:${name}`;
  }
}

/** A time to live as Redis takes it. */
function lifeOf(ttlMs: number): string {
  return String(Math.max(1, Math.ceil(ttlMs)));
}

/** How long a name in a set still counts, on no clock but this node's; less than 0 if it does not. */
function ttlOf(untilMs: number): string {
  return String(Math.ceil(untilMs - Date.now()));
}

function partsOf<T>(list: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / MAX_KEYS);
  return Array.from({ length: count }, (_, at) => list.slice(at * MAX_KEYS, (at + 1) * MAX_KEYS));
}
