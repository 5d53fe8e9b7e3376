import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onDispose } from "./clean-up.js";

const PROGRAM = join(__dirname, "../clients/npm/client.mjs");

/** What became of a call. */
export interface Outcome {
  readonly text?: string;
  readonly error?: string;
}

/** A client of another maker, connected, in a process of its own (`test/clients/npm/client.mjs`). */
export class NpmClient {
  /** What it wrote to standard error. */
  errors = "";
  readonly #child: ChildProcess;
  readonly #facts = new EventEmitter().setMaxListeners(0);
  #calls = 0;

  private constructor(
    home: string,
    [name, url, headers]: readonly [string, string, Readonly<Record<string, string>>],
  ) {
    // Time zones, proxies and keys of whoever runs the tests are none of the client's business.
    this.#child = spawn(process.execPath, [PROGRAM, name, url, JSON.stringify(headers)], {
      env: { PATH: process.env["PATH"] ?? "", HOME: home, NO_COLOR: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const message = JSON.parse(line) as { id?: number } & Outcome;
      this.#facts.emit(message.id === undefined ? "connected" : `call ${message.id}`, message);
    });
    this.#child.once("exit", (code) => this.#facts.emit("exit", code));
    onDispose(() => this.#kill());
  }

  static async connect(
    name: string,
    url: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<NpmClient> {
    const home = await mkdtemp(join(tmpdir(), "npm-client-"));
    onDispose(() => rm(home, { recursive: true, force: true }));
    const client = new NpmClient(home, [name, url, headers]);
    await Promise.race([
      once(client.#facts, "connected"),
      once(client.#facts, "exit").then(() => {
        throw new Error(`${name} ended before it was connected:\n${client.errors}`);
      }),
    ]);
    return client;
  }

  async call(tool: string, args: object): Promise<Outcome> {
    const id = ++this.#calls;
    const outcome = once(this.#facts, `call ${id}`) as Promise<[Outcome]>;
    this.#child.stdin!.write(`${JSON.stringify({ id, tool, args })}\n`);
    return (await outcome)[0];
  }

  /** Ends it with all that it started, which may have outlived it. */
  async #kill(): Promise<void> {
    const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const exited = isOver ? undefined : once(this.#child, "exit");
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    await exited;
  }
}
