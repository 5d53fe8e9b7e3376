#!/usr/bin/env node
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { main } from "./main.js";
import type { Output } from "./terminal.js";

/** The version of the package that a file belongs to: the nearest package that has one. */
function versionOf(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const version = versionIn(join(folder, "package.json"));
    if (version !== undefined) return version;
  }
  return "unknown";
}

function versionIn(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { version?: string }).version;
  } catch {
    return undefined;
  }
}

function outputTo(stream: NodeJS.WriteStream): Output {
  // Who reads may have seen enough, as `head` has; there is nobody left to tell.
  stream.on("error", () => undefined);
  return {
    isTTY: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    write: (text) => void stream.write(text),
  };
}

function interruption(): AbortSignal {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  return interrupted.signal;
}

const [, program = "", ...args] = process.argv;

void main(args, {
  out: outputTo(process.stdout),
  err: outputTo(process.stderr),
  input: process.stdin,
  env: process.env,
  interruption,
  importModule: (url) => import(url) as Promise<unknown>,
  version: versionOf(realpathSync(program)),
}).then(leave);

/** Ends the process, whatever somebody's configuration has left open in it. What was written goes first: `exit` cuts off what a pipe has not taken yet. */
async function leave(status: number): Promise<void> {
  const streams = [process.stdout, process.stderr];
  await Promise.all(
    streams.map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))),
  );
  process.exit(status);
}
