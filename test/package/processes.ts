import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** Where and with what a program runs. */
export interface Surroundings {
  readonly cwd: string;
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: {@link TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Whether what it prints is shown as it comes. Default: `false`. */
  readonly isShown?: boolean;
}

/** A program may take this long; `npm install` on a slow line takes longest. */
const TIMEOUT_MS = 180_000;

/** How long a server has to begin to listen, or to end when it is asked to. */
const PATIENCE_MS = 60_000;

/** As much of its output as a failure shows. */
const SHOWN_CHARACTERS = 8_000;

/** Processes that run now; none of them outlives this one. */
const running = new Set<RunningProcess>();
process.once("exit", () => running.forEach((each) => each.kill()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(1));
}

/** A process that has a limit of time, and that takes its children with it when it ends. */
export class RunningProcess {
  /** Resolves with why it ended; `undefined` if it did so by itself, with code 0. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #printed = { stdout: "", stderr: "" };

  constructor(program: string, args: readonly string[], surroundings: Surroundings) {
    const { cwd, env, timeoutMs = TIMEOUT_MS, isShown = false } = surroundings;
    // A group of its own, so that its children can be killed with it.
    this.#child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]!.setEncoding("utf8").on("data", (text: string) => {
        this.#printed[name] += text;
        if (isShown) process[name].write(text);
        for (const listener of this.#listeners) listener();
      });
    }
    running.add(this);
    this.ended = this.#end(timeoutMs);
  }

  get stdout(): string {
    return this.#printed.stdout;
  }

  /** Resolves when it has printed something of this form; rejects if it ends before, or never does. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve) => {
      const look = (): void => {
        const match = pattern.exec(this.#printed.stdout) ?? pattern.exec(this.#printed.stderr);
        if (match) resolve(match);
      };
      this.#listeners.add(look);
      look();
    });
    const over = this.ended.then((why = "it ended") => Promise.reject(this.failure(why)));
    return within(PATIENCE_MS, Promise.race([found, over]), () =>
      this.failure(`did not say ${pattern.source}`),
    );
  }

  /** Asks it to end, and resolves with how it did. */
  async stop(): Promise<string | undefined> {
    this.#child.kill("SIGTERM");
    return within(PATIENCE_MS, this.ended, () => this.failure("did not end at SIGTERM"));
  }

  /** Ends it and its children at once. */
  kill(): void {
    if (this.#child.pid === undefined || !running.has(this)) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // They are gone.
    }
  }

  /** An error that has what the process printed. */
  failure(why: string): Error {
    const printed = Object.values(this.#printed).join("\n").trim().slice(-SHOWN_CHARACTERS);
    return new Error(`${this.#child.spawnargs.join(" ")}: ${why}\n${printed}`);
  }

  async #end(timeoutMs: number): Promise<string | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.kill();
    }, timeoutMs);
    try {
      return await new Promise((resolve) => {
        this.#child.once("error", (error) => resolve(error.message));
        // What it has begun may hold its output open.
        this.#child.once("exit", () => this.kill());
        this.#child.once("close", (code, signal) => {
          if (isLate) resolve(`took longer than ${timeoutMs / 1000} s`);
          else if (signal !== null) resolve(`ended by ${signal}`);
          else resolve(code === 0 ? undefined : `exit code ${code ?? "unknown"}`);
        });
      });
    } finally {
      clearTimeout(timer);
      running.delete(this);
    }
  }
}

/** Runs a program to its end and returns what it prints; a failure is an error that has all of it. */
export async function execute(
  program: string,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<string> {
  const child = new RunningProcess(program, args, surroundings);
  const problem = await child.ended;
  if (problem !== undefined) throw child.failure(problem);
  return child.stdout;
}

/** What is promised, or an error if that takes too long. */
export async function within<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
