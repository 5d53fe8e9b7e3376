import { errorName } from "../shared/log-text.js";
import type { Terminal } from "./terminal.js";
import { STATUS, UsageError } from "./usage.js";
import type { Command } from "./usage.js";

/** The name of the program. */
const NAME = "express-mcp-sse";

interface Entry {
  readonly name: string;
  /** For the list in the help. */
  readonly summary: string;
  /** Loads nothing before it is called: a command does not pay for the others. */
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. */
const COMMANDS: readonly Entry[] = [
  {
    name: "doctor",
    summary: "examines an MCP server: says what is wrong, why, and what to change",
    load: async () => (await import("./doctor-command.js")).doctor,
  },
  {
    name: "why",
    summary: "says what a configuration makes of a request: each method's verdict, and why",
    load: async () => (await import("./why-command.js")).why,
  },
  {
    name: "key",
    summary: "makes an API key and its entry for keys; key hash: the entry of a key",
    load: async () => (await import("./key-command.js")).key,
  },
  {
    name: "token",
    summary: "shows what a token says, and which options would accept it",
    load: async () => (await import("./token-command.js")).token,
  },
];

/** Does what the arguments say. @returns the exit status. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--version" || first === "-v") return print(terminal, terminal.version);
  if (first === "--help" || first === "-h") return print(terminal, help());
  const entry = COMMANDS.find(({ name }) => name === first);
  if (entry === undefined) {
    const problem = first === undefined ? "needs a command" : "knows no such command";
    return misused(terminal, NAME, `${problem}: ${COMMANDS.map(({ name }) => name).join(", ")}`);
  }
  const command = await entry.load();
  if (wantsHelp(rest)) return print(terminal, `${NAME} ${command.help}`);
  return run(command, `${NAME} ${entry.name}`, rest, terminal);
}

async function run(
  command: Command,
  called: string,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof UsageError) return misused(terminal, called, error.message);
    // What an error says may repeat what a server or a user wrote.
    const [, ...frames] = error instanceof Error ? (error.stack ?? "").split(/\n(?= +at )/) : [];
    const text = [`${called}: failed (${errorName(error)}). Please report this.`, ...frames];
    terminal.err.write(`${text.join("\n")}\n`);
    return STATUS.found;
  }
}

/** What stands behind `--` is no option. */
function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}

function help(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${NAME} <command> [options]

${list.join("\n")}

  ${NAME} <command> --help says how it is called; --version, which version this is.`;
}

function print({ out }: Terminal, text: string): number {
  out.write(`${text}\n`);
  return STATUS.fine;
}

function misused({ err }: Terminal, called: string, problem: string): number {
  err.write(`${called}: ${problem}\nSee: ${called} --help\n`);
  return STATUS.usage;
}
