/**
 * The short form of the suite on other versions of Node: `npm run test:node -- 22`, or without a
 * number on all but the first, which runs the whole. Workers of Jest and programs that tests start run on
 * the same one.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execute, RunningProcess } from "../package/processes.js";
import { fetchNode } from "./fetch-node.js";
import { NODE } from "./versions.js";

const ROOT = join(import.meta.dirname, "..", "..");

/** The short form, which `jest.config.ts` reads too. */
const { tests } = JSON.parse(
  readFileSync(join(import.meta.dirname, "short-form.json"), "utf8"),
) as { tests: readonly string[] };

/** A minute is what it takes; what hangs must not hold CI. */
const TIMEOUT_MS = 600_000;

const asked = process.argv.slice(2).map(Number);
const unknown = asked.filter((major) => !NODE.some((known) => known === major));
if (unknown.length > 0) throw new Error(`Not among the supported: ${unknown.join()}.`);

const counts = { passed: 0, failed: 0 };
const folder = mkdtempSync(join(tmpdir(), "other-nodes-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const major of asked.length === 0 ? NODE.slice(1) : asked) {
  const bin = await fetchNode(major, folder);
  const passed = (await versionOf(bin)) === major && (await runShortForm(major, bin)) === undefined;
  if (passed) counts.passed++;
  else counts.failed++;
  console.log(`${passed ? "ok   " : "FAIL "} Node ${major}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

async function versionOf(bin: string): Promise<number> {
  const printed = await execute(join(bin, "node"), ["--print", "process.versions.node"], {
    cwd: folder,
  });
  console.log(`Node ${printed.trim()}`);
  return Number.parseInt(printed, 10);
}

/** Why Jest ended, if not with success. On Express 4, it is run with the newest Node only. */
async function runShortForm(major: number, bin: string): Promise<string | undefined> {
  const projects = ["express 5", ...(major === NODE.at(-1) ? ["express 4"] : [])];
  const args = [
    join(ROOT, "node_modules", "jest", "bin", "jest.js"),
    ...["--ci", "--selectProjects", ...projects],
    ...["-w", "100%", "--runTestsByPath", ...tests],
  ];
  const env = { PATH: bin + delimiter + (process.env["PATH"] ?? "") };
  const surroundings = { cwd: ROOT, env, timeoutMs: TIMEOUT_MS, isShown: true };
  return new RunningProcess(join(bin, "node"), args, surroundings).ended;
}
