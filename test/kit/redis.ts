import { execFile, spawn, spawnSync } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { lastingPort } from "./listen.js";

const run = promisify(execFile);

/** Whether this machine has a Redis. */
const isThere = spawnSync("redis-server", ["--version"], { timeout: 30_000 }).status === 0;

/** Tests with a real Redis; where there is none they are skipped, and say so. */
export function describeWithRedis(title: string, tests: () => void): void {
  if (isThere) describe(title, tests);
  else describe.skip(`${title} (skipped: redis-server is missing)`, tests);
}

/**
 * Ends Redis with whoever started it, however that ends: then nothing is at the other end of its
 * input any more. And it ends with Redis, so that nobody waits for one that could not start.
 */
const GUARD = [
  'exec 3<&0; redis-server "$@" 3<&- & pid=$!; echo "pid $pid"',
  "{ cat <&3; kill -KILL $pid; } >/dev/null 2>&1 & waiting=$!",
  "exec 3<&-; wait $pid; kill $waiting 2>/dev/null",
].join("; ");

type Guard = ChildProcessByStdio<Writable, Readable, null>;

/** A Redis of a test, on a port of its own. It keeps nothing on a disk. */
export class TestRedis {
  readonly port: number;
  readonly #isCluster: boolean;
  readonly #folder = mkdtempSync(join(tmpdir(), "redis-"));
  #guard: Guard | undefined;
  #pid = 0;

  private constructor(port: number, isCluster: boolean) {
    this.port = port;
    this.#isCluster = isCluster;
  }

  /** @param options `isCluster`: one node that has all slots, with the rules of a cluster. */
  static async start({ isCluster = false } = {}): Promise<TestRedis> {
    const redis = new TestRedis(await lastingPort(), isCluster);
    await redis.restart();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it after {@link kill}: it is empty, and on the same port. */
  async restart(): Promise<void> {
    const cluster = this.#isCluster
      ? ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"]
      : [];
    // Its own choice, 10,000 above the other port, is among those that the system gives to anybody.
    if (this.#isCluster) cluster.push("--cluster-port", String(await lastingPort()));
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder];
    const memory = ["--save", "", "--appendonly", "no", "--maxmemory", "200mb"];
    this.#guard = spawn("sh", ["-c", GUARD, "sh", ...args, ...memory, ...cluster], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    await this.#hasStarted(this.#guard);
    if (this.#isCluster) await this.#takeAllSlots();
  }

  /** Ends it at once, with all that it has. */
  async kill(): Promise<void> {
    const guard = this.#guard;
    if (guard === undefined) return;
    this.#guard = undefined;
    guard.stdin.end();
    if (guard.exitCode === null && guard.signalCode === null) await once(guard, "exit");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** It does nothing any more, and its connections stay open, until {@link thaw}. */
  freeze(): void {
    process.kill(this.#pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.#pid, "SIGCONT");
  }

  /** What redis-cli prints. */
  async command(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-p", String(this.port), ...args], {
      timeout: 30_000,
      maxBuffer: 64 * 1_048_576,
    });
    return stdout.trim();
  }

  /** Forgets everything. */
  async flush(): Promise<void> {
    await this.command("FLUSHALL");
  }

  /** Lets commands wait for so many milliseconds. */
  async pause(ms: number): Promise<void> {
    await this.command("CLIENT", "PAUSE", String(ms), "ALL");
  }

  /** Cuts all connections that hear channels. */
  async cutSubscribers(): Promise<void> {
    await this.command("CLIENT", "KILL", "TYPE", "pubsub");
  }

  /** Cuts all connections that send commands. */
  async cutSenders(): Promise<void> {
    await this.command("CLIENT", "KILL", "TYPE", "normal");
  }

  /** How many connections hear channels. */
  async subscribers(): Promise<number> {
    const clients = await this.command("CLIENT", "LIST", "TYPE", "pubsub");
    return clients === "" ? 0 : clients.split("\n").length;
  }

  /** All keys that there are. */
  async keys(): Promise<readonly string[]> {
    const keys = await this.command("KEYS", "*");
    return keys === "" ? [] : keys.split("\n");
  }

  /** Writes down every command that it gets, from now on. */
  async watch(): Promise<RedisWatch> {
    const child = spawn("redis-cli", ["-p", String(this.port), "MONITOR"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    await once(reader, "line");
    reader.on("line", (line) => void lines.push(line));
    const stop = async (): Promise<void> => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    };
    return { lines, stop };
  }

  async #hasStarted(guard: Guard): Promise<void> {
    for await (const line of createInterface({ input: guard.stdout })) {
      const pid = /^pid (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) this.#pid = Number(pid);
      if (line.includes("Ready to accept connections")) {
        guard.stdout.resume();
        return;
      }
    }
    throw new Error("redis-server did not start");
  }

  async #takeAllSlots(): Promise<void> {
    const info = await this.command("CLUSTER", "INFO");
    if (info.includes("cluster_state:ok")) return;
    await this.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (!(await this.command("CLUSTER", "INFO")).includes("cluster_state:ok"));
  }
}

/** What Redis was asked. */
export interface RedisWatch {
  readonly lines: readonly string[];
  stop(): Promise<void>;
}
