import { noteErrors } from "./redis-port.js";
import type { HearChannel, Listening, RedisPort } from "./redis-port.js";

/** `createClient()` of `redis`. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  /** Sends a command, its name first. */
  sendCommand(command: string[], options?: { timeout?: number | undefined }): Promise<unknown>;
  /** Makes the client that hears messages: connected, and closed, by this package. */
  duplicate(): object;
  /** Hears errors, where nobody of yours does. */
  on(event: "error", listener: (error: unknown) => void): unknown;
  /** How many hear errors. */
  listenerCount(event: "error"): number;
}

/** `createCluster()` of `redis`. */
export interface NodeRedisCluster {
  readonly isOpen: boolean;
  readonly masters: readonly object[];
  /** Sends a command to the node of Redis that has the key. */
  sendCommand(
    key: string | undefined,
    isReadonly: boolean | undefined,
    command: string[],
    options?: { timeout?: number | undefined },
  ): Promise<unknown>;
  /** Makes the client that hears messages: connected, and closed, by this package. */
  duplicate(): object;
  /** Hears errors, where nobody of yours does. */
  on(event: "error", listener: (error: unknown) => void): unknown;
  /** How many hear errors. */
  listenerCount(event: "error"): number;
}

/** What a duplicate of either is used for. */
interface Subscriber {
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "connect" | "reconnecting", listener: () => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[], hear: HearChannel): Promise<unknown>;
  destroy(): void;
}

export function nodeRedisPort(client: NodeRedisClient | NodeRedisCluster): RedisPort {
  // Without a listener of yours, the end of Redis would be that of your process; what fails is told where it is asked.
  if (client.listenerCount("error") === 0) noteErrors(client);
  const listen: RedisPort["listen"] = (channels, hear) =>
    listenOver(client.duplicate() as Subscriber, channels, hear);
  if (isCluster(client)) {
    return {
      get isReady() {
        return client.isOpen && client.masters.some(isNodeReady);
      },
      isCluster: true,
      run: (command, key) => client.sendCommand(key, false, [...command], UNTIMED),
      listen,
    };
  }
  return {
    get isReady() {
      return client.isReady;
    },
    isCluster: false,
    run: (command) => client.sendCommand([...command], UNTIMED),
    listen,
  };
}

/**
 * Without the signal by which the client would time each command, whatever it was made with: that costs as much
 * as the command, and is there for seconds. How long an answer is waited for, `Connection` says.
 */
const UNTIMED = { timeout: undefined };

function isCluster(client: NodeRedisClient | NodeRedisCluster): client is NodeRedisCluster {
  return "masters" in client;
}

/** Connections to nodes are made when they are needed: one that is not there yet would be. */
function isNodeReady({ client }: { readonly client?: { readonly isReady?: boolean } }): boolean {
  return client?.isReady !== false;
}

function listenOver(
  subscriber: Subscriber,
  channels: readonly string[],
  hear: HearChannel,
): Listening {
  const trouble = noteErrors(subscriber);
  const close = closerOf(subscriber);
  const open = async (): Promise<void> => {
    await subscriber.connect();
    await subscriber.subscribe(channels, hear);
  };
  return { opened: open(), trouble, close };
}

/**
 * What closes a client that has yet to connect. One whose socket is connecting is closed when that is there, or
 * cannot be: `destroy()` would leave it alone, and the client would go on hearing.
 */
function closerOf(subscriber: Subscriber): () => void {
  // That of a cluster has several sockets, and tells less of them.
  let isConnecting = !("masters" in subscriber);
  let isClosed = false;
  const destroy = (): void => {
    try {
      subscriber.destroy();
    } catch {
      // It is closed.
    }
  };
  const hasConnected = (): void => {
    isConnecting = false;
    if (isClosed) destroy();
  };
  subscriber.on("connect", hasConnected);
  subscriber.on("error", hasConnected);
  subscriber.on("reconnecting", () => (isConnecting = true));
  return () => {
    isClosed = true;
    if (!isConnecting) destroy();
  };
}
