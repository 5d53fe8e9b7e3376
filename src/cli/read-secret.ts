import { readFileSync } from "node:fs";
import { errorName } from "../shared/log-text.js";
import type { Terminal } from "./terminal.js";
import { UsageError } from "./usage.js";

/** A secret that is longer was meant to be something else. */
const MAX_LENGTH = 64 * 1024;

/** What help says of secrets. */
export const SECRET_HELP = `A secret S is "-" (read from standard input), "@file" (read from a file), "env:NAME" (read from the environment),
or the secret itself, which then stays in the shell's history and in the list of processes.`;

/**
 * Reads a secret from where an argument says that it is. One line end at its end is not part of it.
 *
 * @param option as the user wrote it, for what an error says: `--bearer`.
 * @throws UsageError that says nothing of the secret.
 */
export async function readSecret(
  source: string,
  option: string,
  terminal: Terminal,
): Promise<string> {
  const secret = (await read(source, option, terminal)).replace(/\r?\n$/, "");
  if (secret === "") throw new UsageError(`${option}: the secret is empty`);
  if (secret.length > MAX_LENGTH) {
    throw new UsageError(`${option}: the secret is longer than ${MAX_LENGTH} characters`);
  }
  return secret;
}

async function read(source: string, option: string, terminal: Terminal): Promise<string> {
  if (source === "-") return readInput(option, terminal);
  if (source.startsWith("@")) return readFile(source.slice(1), option);
  if (!source.startsWith("env:")) return source;
  const name = source.slice("env:".length);
  const value = terminal.env[name];
  // Security decision: the name is not repeated. Whoever writes `env:$KEY` has the secret there.
  if (value === undefined) {
    throw new UsageError(`${option}: there is no such variable; write its name without a "$"`);
  }
  return value;
}

function readFile(path: string, option: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? errorName(error);
    throw new UsageError(`${option}: the file cannot be read (${why})`);
  }
}

/** Inputs that were read: there is nothing more in them. */
const spent = new WeakSet<object>();

async function readInput(option: string, { input, err }: Terminal): Promise<string> {
  if (spent.has(input)) {
    throw new UsageError(`${option}: standard input was read already; only one secret can be "-"`);
  }
  spent.add(input);
  if (input.isTTY === true) err.write("The secret, then Enter and Ctrl-D:\n");
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of input) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    // One character more than a secret and its line end: that is an error, and the rest need not be read.
    if (text.length > MAX_LENGTH + 2) break;
  }
  return text;
}
