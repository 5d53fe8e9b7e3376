import { noteErrors } from "./redis-port.js";
import type { HearChannel, Listening, RedisPort } from "./redis-port.js";

/** `new Redis()` or `new Cluster()` of `ioredis` or `iovalkey`. */
export interface IoRedisClient {
  readonly status: string;
  /** Sends a command: its name, then what follows it. A `keyPrefix` of the client counts. */
  call(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  /** Makes the client that hears messages: connected, and closed, by this package. */
  duplicate(): object;
}

/** What a duplicate is used for. */
interface Subscriber {
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  disconnect(): void;
}

/**
 * Options of a duplicate: it subscribes again by itself, whatever the user's client does; and nothing of it is waited
 * for when it is closed, which kept a process for two seconds where its connection was gone already.
 */
const OWN = { lazyConnect: true, autoResubscribe: true, disconnectTimeout: 0 };

export function ioredisPort(client: IoRedisClient): RedisPort {
  const { isCluster } = client as { readonly isCluster?: boolean };
  const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Subscriber;
  return {
    get isReady() {
      return client.status === "ready";
    },
    isCluster: isCluster === true,
    run: ([name = "", ...args]) => client.call(name, args),
    listen: (channels, hear) =>
      listenOver(isCluster === true ? duplicate([], OWN) : duplicate(OWN), channels, hear),
  };
}

function listenOver(
  subscriber: Subscriber,
  channels: readonly string[],
  hear: HearChannel,
): Listening {
  const trouble = noteErrors(subscriber);
  subscriber.on("message", (channel, message) => hear(message, channel));
  const open = async (): Promise<void> => {
    await subscriber.connect();
    await subscriber.subscribe(...channels);
  };
  return { opened: open(), trouble, close: () => subscriber.disconnect() };
}
