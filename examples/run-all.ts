/**
 * Runs every example in a process of its own, and fails when one fails, hangs, or is not run.
 *
 * An example is a folder: `server.ts` is what users copy, `check.ts` starts it and asserts what
 * it does. A file beside the folders is a program that checks itself.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** An example takes a second or two; one that takes this long hangs. */
const TIMEOUT_MS = 60_000;

/** What is no example. */
const HELPERS = ["support", "run-all.ts", "README.md"];

const examples = import.meta.dirname;

interface Program {
  readonly name: string;
  readonly file: string;
}

interface Outcome {
  readonly passed: boolean;
  /** What to print of a failure. */
  readonly details: string;
}

const programs = readdirSync(examples)
  .filter((entry) => !HELPERS.includes(entry))
  .map(toProgram);
const mistakes = programs.flatMap(findMistakes);
for (const mistake of mistakes) console.log(`FAIL  ${mistake}`);

let failures = mistakes.length;
for (const program of programs) {
  const start = performance.now();
  const { passed, details } = await run(program);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${passed ? "ok  " : "FAIL"}  ${program.name.padEnd(20)} ${seconds} s${details}`);
  if (!passed) failures++;
}
console.log(failures === 0 ? `${programs.length} examples passed` : `${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

function toProgram(entry: string): Program {
  const isFile = /\.\w+$/.test(entry);
  return { name: entry, file: join(examples, entry, isFile ? "" : "check.ts") };
}

/** What would keep an example, or a part of it, from being run or found. */
function findMistakes({ name, file }: Program): string[] {
  if (!existsSync(file)) return [`${name} has no check.ts`];
  const mistakes = readFileSync(join(examples, "README.md"), "utf8").includes(`\`${name}\``)
    ? []
    : [`${name} is not in examples/README.md`];
  if (!file.endsWith("check.ts")) return mistakes;
  const unknown = readdirSync(join(examples, name)).filter(
    (entry) => entry !== "server.ts" && entry !== "check.ts",
  );
  mistakes.push(...unknown.map((entry) => `${name}/${entry} is not run`));
  // In its own process, or in others.
  if (!/import\("\.\/server\.js"\)|"server\.ts"/.test(readFileSync(file, "utf8"))) {
    mistakes.push(`${name}/check.ts does not start server.ts`);
  }
  return mistakes;
}

async function run({ file }: Program): Promise<Outcome> {
  const child = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: join(examples, ".."),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      if (signal !== null) resolve(`killed by ${signal}; it may run for ${TIMEOUT_MS / 1000} s`);
      else resolve(code === 0 ? undefined : `exit code ${code ?? "unknown"}`);
    });
  });
  const [problem, ...output] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (problem === undefined) return { passed: true, details: "" };
  return { passed: false, details: `: ${problem}\n${output.join("").replace(/^/gm, "      ")}` };
}
