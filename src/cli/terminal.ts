import { styleText } from "node:util";

/** Where a command reads and writes. One is handed to each command, so that it can run without a process of its own. */
export interface Terminal {
  /** Gets the result, and nothing else. */
  readonly out: Output;
  /** Gets what went wrong, and, if somebody looks, how far it is. */
  readonly err: Output;
  readonly input: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Loads a module of the user's, as Node's `import()` does. */
  importModule(url: string): Promise<unknown>;
  /**
   * For a command that has begun something elsewhere, and must end it: aborted when its user interrupts it (Ctrl-C).
   * Where it was not called, and the second time, that ends the process.
   */
  interruption(): AbortSignal;
  /** Of this package. */
  readonly version: string;
}

export interface Output {
  readonly isTTY: boolean;
  /** How wide it is; `undefined` where it is no terminal. */
  readonly columns?: number | undefined;
  write(text: string): void;
}

export interface Input extends AsyncIterable<string | Uint8Array> {
  readonly isTTY?: boolean;
}

/** Writes a text in a colour, or as it is. */
export type Paint = (style: Style | readonly Style[], text: string) => string;

type Style = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/**
 * Paints for an output.
 *
 * @param isPlain whether colours were refused by an option.
 */
export function createPaint(output: Output, env: Terminal["env"], isPlain = false): Paint {
  if (isPlain || !hasColours(output, env)) return (_style, text) => text;
  return (style, text) =>
    styleText(typeof style === "string" ? style : [...style], text, { validateStream: false });
}

/** `FORCE_COLOR` before `NO_COLOR`, as Node has it; else a terminal has colours, unless it says that it is dumb. */
function hasColours({ isTTY }: Output, env: Terminal["env"]): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: kind } = env;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  if (refused !== undefined && refused !== "") return false;
  return isTTY && kind !== "dumb";
}
