import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { lastingPort } from "../listen.js";
import type { NodeReport, NodeSettings } from "./settings.js";

/** Where tests, and programs of the project, are run. */
const ROOT = process.cwd();

/** A node that is not there after this time hangs. */
const PATIENCE_MS = 30_000;

/** The program of the nodes as one file: a node that is started anew loads it in half the time. */
export class Program {
  readonly #folder = mkdtempSync(join(tmpdir(), "cluster-program-"));
  readonly file = join(this.#folder, "program.cjs");

  constructor() {
    buildSync({
      entryPoints: [join(ROOT, "test/kit/cluster/program.ts")],
      outfile: this.file,
      bundle: true,
      platform: "node",
      packages: "external",
      format: "cjs",
      logLevel: "error",
    });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One node: a process at a port of its own, which may end and be started anew. */
export class Node {
  readonly origin: string;
  /** What it said on its standard error, over all its lives. */
  readonly lines: string[] = [];
  readonly #program: Program;
  readonly #settings: NodeSettings;
  readonly #onReport: (report: NodeReport) => void;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(program: Program, settings: NodeSettings, onReport: (report: NodeReport) => void) {
    this.#program = program;
    this.#settings = settings;
    this.#onReport = onReport;
    this.origin = `http://127.0.0.1:${settings.port}`;
  }

  get port(): number {
    return this.#settings.port;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get isRunning(): boolean {
    const { exitCode = 0, signalCode = null } = this.#child ?? {};
    return exitCode === null && signalCode === null;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#program.file, JSON.stringify(this.#settings)], {
      cwd: ROOT,
      env: { ...process.env, NODE_PATH: join(ROOT, "node_modules") },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    this.#exited = once(child, "exit");
    child.stderr!.setEncoding("utf8");
    child.stderr!.on("data", (said: string) => this.lines.push(...said.trimEnd().split("\n")));
    const facts = new EventEmitter();
    child.on("message", (report: NodeReport) => {
      if (report.kind === "ready") facts.emit("ready");
      this.#onReport(report);
    });
    child.on("exit", () => facts.emit("error", new Error(`a node has ended: ${this.#said()}`)));
    facts.on("error", () => undefined);
    await bounded(once(facts, "ready"), () => `a node is not ready: ${this.#said()}`);
  }

  /** Has it hand over what it has and end. @returns milliseconds that it took. */
  async drain(): Promise<number> {
    const begin = performance.now();
    this.#child?.kill("SIGTERM");
    await bounded(this.#exited, () => `a node does not end: ${this.#said()}`);
    return performance.now() - begin;
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  /** Stops its time. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Lets its time go on. */
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  #said(): string {
    return this.lines.slice(-20).join("\n");
  }
}

async function bounded<T>(promise: Promise<T>, why: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(why())), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Settings that nodes have in common, with secrets of their own. */
export async function settingsOf(
  redisUrl: string,
  more: Partial<NodeSettings> = {},
): Promise<NodeSettings> {
  const key = (id: string) => ({ id, key: randomBytes(24).toString("hex") });
  return {
    port: await lastingPort(),
    redisUrl,
    client: "node-redis",
    isAhead: false,
    secret: randomBytes(32).toString("hex"),
    jwtSecret: randomBytes(32).toString("hex"),
    keys: [key("ann"), key("ben"), key("cid")],
    cluster: {},
    retryMs: 200,
    ...more,
  };
}
