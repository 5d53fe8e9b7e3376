import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import type { Terminal } from "./terminal.js";

/** One thing that the program does. */
export interface Command {
  /** Its help, without the name of the program: what it is for, how it is called, its options. */
  readonly help: string;
  /** Does it. @returns the exit status. @throws UsageError */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** Exit statuses. The last is what shells say of a program that Ctrl-C has ended. */
export const STATUS = { fine: 0, found: 1, usage: 2, interrupted: 130 } as const;

/** It was called in a way that it does not know. The text says what is wrong, and never a value: it may be a secret. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;

type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/**
 * Reads options and arguments.
 *
 * @param most how many arguments there may be beside the options.
 * @throws UsageError
 */
export function parseOptions<const T extends Options>(
  args: readonly string[],
  options: T,
  most: number,
): Parsed<T> {
  const parsed = parse(args, options);
  refuseTwice(args, options);
  if (parsed.positionals.length > most) {
    const wanted = most === 0 ? "no argument" : most === 1 ? "one argument" : `${most} arguments`;
    throw new UsageError(
      `takes ${wanted} beside its options, and got ${parsed.positionals.length}`,
    );
  }
  return parsed;
}

function parse<const T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // What follows the first sentence is about another program's needs.
    const [problem = ""] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(withoutSecret(problem).replace(/\.?$/, ""));
  }
}

/** The milliseconds that option `--timeout` says in seconds. @throws UsageError */
export function readTimeout(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 600) return seconds * 1000;
  throw new UsageError("--timeout must be a number of seconds from 0.1 to 600");
}

/**
 * Security decision: Node repeats an option that it does not know. Only one that looks like an option may be shown: whoever
 * writes `--X-API-Key:SECRET`, or pastes a key that begins with hyphens, would have it in a log.
 */
function withoutSecret(problem: string): string {
  const [, option] = /^Unknown option '(.*)'$/.exec(problem) ?? [];
  return option === undefined || /^--?[a-z-]{1,20}$/.test(option)
    ? problem
    : "knows no such option";
}

/** Of an option that is there twice, Node takes the last one; nobody would see which one was meant. */
function refuseTwice(args: readonly string[], options: Options): void {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = names.find(
    (name, at) =>
      names.indexOf(name) < at && options[name]?.type === "string" && !options[name].multiple,
  );
  if (twice !== undefined) throw new UsageError(`--${twice} is there twice`);
}
