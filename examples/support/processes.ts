import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

/** A process that was started; it ends with whoever started it. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
}

const all = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of all) child.kill("SIGKILL");
});

/**
 * Starts a program. @param isReady sees each line that it prints; it is ready with the first for which this is true.
 *
 * @throws Error when it ends before that.
 */
export async function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isReady: (line: string) => boolean,
): Promise<Running> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  all.add(child);
  const ended = once(child, "exit").finally(() => all.delete(child));
  ended.catch(() => undefined);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!isReady(line)) continue;
    child.stdout.resume();
    return { child, ended };
  }
  await ended;
  throw new Error(`${command} has ended before it was ready`);
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** A Redis that keeps nothing on a disk. */
export async function startRedis(): Promise<{ url: string; running: Running }> {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const isReady = (line: string): boolean => line.includes("Ready to accept");
  const running = await start("redis-server", args, process.env, isReady);
  return { url: `redis://127.0.0.1:${port}`, running };
}
