import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { main } from "../../src/cli/main.js";
import type { Terminal } from "../../src/cli/terminal.js";

/** What a command wrote, and its exit status. */
export interface CommandResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Where a command runs. */
export interface CommandSetting {
  /** Standard input. Default: it is empty. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether somebody looks at both outputs. Default: they are pipes. */
  readonly isTTY?: boolean;
  /** What is aborted when its user interrupts it. Default: nobody does. */
  readonly interruption?: AbortSignal;
  /** What modules give, by their URLs, beside those that Node finds. */
  readonly modules?: Readonly<Record<string, () => unknown>>;
}

/** Runs a command of the program in this process. */
export async function runCommand(
  args: readonly string[],
  {
    input = "",
    env = {},
    isTTY = false,
    modules = {},
    interruption = new AbortController().signal,
  }: CommandSetting = {},
): Promise<CommandResult> {
  const written = { out: "", err: "" };
  const outputTo = (name: "out" | "err") => ({
    isTTY,
    write: (text: string) => void (written[name] += text),
  });
  const terminal: Terminal = {
    out: outputTo("out"),
    err: outputTo("err"),
    input: Readable.from(input === "" ? [] : [input]),
    env,
    version: "0.0.0-test",
    interruption: () => interruption,
    // Jest has no `import()`.
    importModule: async (url) => modules[url]?.() ?? missingModule(url),
  };
  const status = await main(args, terminal);
  return { status, ...written };
}

/** The URL by which a command asks for a module, and its name in {@link CommandSetting.modules}. */
export function moduleUrl(path: string): string {
  return pathToFileURL(path).href;
}

function missingModule(url: string): never {
  throw Object.assign(new Error(`Cannot find module '${url}'`), { code: "ERR_MODULE_NOT_FOUND" });
}
