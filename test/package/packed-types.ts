/**
 * The types of what npm would publish, in a strict program of somebody else's: with every compiler
 * and every `@types/node` of `test/versions/versions.ts`. Declarations of other packages are compiled
 * as well, but what is wrong in them is theirs.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { MODULE_RESOLUTION, TYPES_NODE, TYPESCRIPT } from "../versions/versions.js";
import { execute } from "./processes.js";

const ROOT = join(import.meta.dirname, "..", "..");

const PROGRAM = join(import.meta.dirname, "consumers", "every-entry.ts");

/** What a program has beside the package: what npm has now, since that is what users get. */
const BESIDE = [
  "express@5",
  "@types/express@5",
  "@modelcontextprotocol/sdk@1",
  "@opentelemetry/api@1",
];

type Resolution = (typeof MODULE_RESOLUTION)[number];

interface Combination {
  readonly compiler: string;
  readonly node: number;
  readonly resolution: Resolution;
}

/**
 * The newest compiler with every `@types/node`, every compiler with the newest of those, and the oldest of both: what is
 * behind the one is so with any of the other. Each looks modules up in another way.
 */
const COMBINATIONS: readonly Combination[] = TYPESCRIPT.flatMap((compiler, row) =>
  TYPES_NODE.map((node, column) => ({
    compiler,
    node,
    resolution: MODULE_RESOLUTION[(row + column) % MODULE_RESOLUTION.length]!,
    isOldest: row + column === 0,
  })),
).filter(
  ({ compiler, node, isOldest }) =>
    isOldest || compiler === TYPESCRIPT.at(-1) || node === TYPES_NODE.at(-1),
);

const counts = { passed: 0, failed: 0 };
const folder = mkdtempSync(join(tmpdir(), "packed-types-"));
try {
  await prepare();
  const waiting = [...COMBINATIONS];
  await Promise.all(Array.from({ length: availableParallelism() }, () => checkAll(waiting)));
} catch (error) {
  report("everything is prepared", [String(error)], 0);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed === COMBINATIONS.length ? 0 : 1;

/** The compilers, and a project for each `@types/node`. */
async function prepare(): Promise<void> {
  await execute("npm", ["pack", "--pack-destination", folder], { cwd: ROOT });
  const tarball = join(
    folder,
    readdirSync(folder).find((file) => file.endsWith(".tgz"))!,
  );
  const compilers = TYPESCRIPT.map((version) => `typescript-${version}@npm:typescript@~${version}`);
  await install("compilers", compilers);
  for (const node of TYPES_NODE) {
    await install(`node-${node}`, [tarball, `@types/node@${node}`, ...BESIDE]);
    copyFileSync(PROGRAM, join(folder, `node-${node}`, "esm.mts"));
    copyFileSync(PROGRAM, join(folder, `node-${node}`, "commonjs.cts"));
    for (const resolution of MODULE_RESOLUTION) {
      const path = join(folder, `node-${node}`, `${resolution}.json`);
      writeFileSync(path, JSON.stringify(configuration(resolution)));
    }
  }
}

async function install(name: string, packages: readonly string[]): Promise<void> {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true }));
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
  await execute("npm", ["install", ...quiet, ...packages], { cwd: project });
}

function configuration(resolution: Resolution): object {
  const isBundler = resolution === "bundler";
  return {
    compilerOptions: {
      target: "es2022",
      module: isBundler ? "esnext" : resolution,
      moduleResolution: resolution,
      strict: true,
      skipLibCheck: false,
      types: ["node"],
      noEmit: true,
    },
    // A bundler's CommonJS has no files of its own.
    files: isBundler ? ["esm.mts"] : ["esm.mts", "commonjs.cts"],
  };
}

async function checkAll(waiting: Combination[]): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await check(next);
}

async function check({ compiler, node, resolution }: Combination): Promise<void> {
  const said = await compile(compiler, join(folder, `node-${node}`), `${resolution}.json`);
  // One that has no file begins with the word.
  const mistakes = said.filter((line) => /^(\S.*)?error TS\d+/.test(line));
  const isOthers = (line: string) =>
    line.startsWith("node_modules/") && !line.startsWith("node_modules/express-mcp-sse/");
  const ours = mistakes.filter((line) => !isOthers(line));
  // What failed without a word about a file did not check anything.
  const unexplained = mistakes.length === 0 ? said : ours;
  const title = `TypeScript ${compiler}, @types/node ${node}, ${resolution}`;
  report(title, unexplained, mistakes.length - ours.length);
}

/** What a compiler prints, line by line; nothing when all is well. */
async function compile(version: string, cwd: string, project: string): Promise<readonly string[]> {
  const program = join(folder, "compilers", "node_modules", `typescript-${version}`, "bin", "tsc");
  try {
    await execute(process.execPath, [program, "-p", project, "--pretty", "false"], { cwd });
    return [];
  } catch (error) {
    return (error as Error).message.split("\n");
  }
}

function report(title: string, mistakes: readonly string[], others: number): void {
  if (mistakes.length === 0) counts.passed++;
  else counts.failed++;
  const aside = others === 0 ? "" : ` (${others} mistakes in other packages)`;
  console.log(`${mistakes.length === 0 ? "ok   " : "FAIL "} ${title}${aside}`);
  for (const line of mistakes) console.log(`      ${line}`);
}
