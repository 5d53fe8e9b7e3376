import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { onDispose } from "./clean-up.js";

/** How the system's `script` is told to run a command on a terminal, and to keep no record. */
const scriptArguments = (command: string): readonly string[] =>
  process.platform === "linux"
    ? ["-qfc", command, "/dev/null"]
    : ["-q", "/dev/null", "/bin/sh", "-c", command];

/** A program on a terminal of its own, as somebody sees it who sits there. */
export class Terminal {
  /** What the terminal has shown. */
  output = "";
  /** The exit status of the program; resolves when nothing of it is left. */
  readonly status: Promise<number>;
  readonly #script: ChildProcess;
  readonly #facts = new EventEmitter();

  /**
   * Runs a program of Node, which ends with the test at the latest.
   *
   * @param program its arguments, without quotes in them.
   * @param env what it has in its environment, beside `PATH`.
   */
  constructor(program: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const words = [process.execPath, ...program].map((word) => `"${word}"`).join(" ");
    // The shell outlives the terminal, to tell how the program ended: on a pipe, since a terminal may be gone.
    const command = `trap : HUP; ${words} 3>&-; echo $? >&3`;
    this.#script = spawn("script", scriptArguments(command), {
      env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", ...env },
      stdio: ["pipe", "pipe", "inherit", "pipe"],
    });
    this.status = text(this.#script.stdio[3] as Readable).then(Number);
    this.#script.stdin!.on("error", () => undefined);
    this.#script.stdout!.setEncoding("utf8").on("data", (shown: string) => {
      this.output += shown;
      this.#facts.emit("shown");
    });
    onDispose(() => this.close());
  }

  /** Resolves when the terminal shows this. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.status.then((status) => {
      throw new Error(`ended with ${status} before it showed ${pattern}:\n${this.output}`);
    });
    ended.catch(() => undefined);
    for (;;) {
      const found = pattern.exec(this.output);
      if (found !== null) return found;
      await Promise.race([once(this.#facts, "shown"), ended]);
    }
  }

  type(keys: string): void {
    this.#script.stdin!.write(keys);
  }

  /** Closes the window. @returns when nothing of the program is left. */
  async close(): Promise<void> {
    this.#script.kill("SIGKILL");
    await this.status;
  }
}
