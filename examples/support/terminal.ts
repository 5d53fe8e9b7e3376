import { styleText } from "node:util";

/** Ctrl-C, which a terminal in raw mode hands over as any other key. */
const CTRL_C = 3;

type Style = "bold" | "dim" | "cyan" | "green" | "red" | "yellow";

/** Text in a colour, where the terminal has any, and `NO_COLOR` and `FORCE_COLOR` agree. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Whether somebody sees what is printed and can press a key. CI has terminals too, and nobody at them. */
export function isSomebodyThere(): boolean {
  const { stdin, stdout, env } = process;
  return stdin.isTTY && stdout.isTTY && (env.CI ?? "") === "";
}

/** Somebody at this terminal, who ends the program when they like. */
export class Viewer {
  readonly #hasLeft: Promise<"by a key" | "with the terminal">;
  #isAsked = false;

  constructor() {
    const { stdin, stdout, stderr } = process;
    // A terminal that was closed fails whatever is done with it; there is nobody left to tell.
    for (const stream of [stdin, stdout, stderr]) stream.on("error", () => undefined);
    stdin.setRawMode(true);
    this.#hasLeft = new Promise((resolve) => {
      process.once("SIGINT", () => resolve("by a key")).once("SIGTERM", () => resolve("by a key"));
      for (const end of ["end", "close"]) stdin.once(end, () => resolve("with the terminal"));
      process.once("SIGHUP", () => resolve("with the terminal"));
      // What was typed before the question is no answer to it.
      stdin.on("data", (keys: Buffer) => {
        if (this.#isAsked || keys.includes(CTRL_C)) resolve("by a key");
      });
    });
  }

  /** Resolves when a key is pressed, the terminal is closed, or a signal asks the process to end. */
  async untilLeaving(): Promise<void> {
    this.#isAsked = true;
    await this.#hasLeft;
  }

  /** The last thing to do: gives the terminal back, so that the process can end. */
  async leave(): Promise<void> {
    if ((await this.#hasLeft) === "by a key") {
      process.stdin.setRawMode(false);
      process.stdin.pause();
      return;
    }
    // Node aborts when it cannot set a terminal back, so this ends as a program does whose terminal is closed.
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  }
}
