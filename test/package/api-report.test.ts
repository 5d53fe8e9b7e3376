import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";

cleanUpAfterEach();

const PROGRAM = join(__dirname, "../../.ci/api-report.mjs");

/** A package of two entries, built; `also` replaces declarations of it. */
function packageOf(also: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "api-report-test-"));
  onDispose(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "dist"));
  const compilerOptions = { module: "nodenext", strict: true, types: [] };
  write("tsconfig.build.json", JSON.stringify({ compilerOptions, include: ["dist"] }));
  const entry = (name: string) => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  const exports = { ".": entry("index"), "./more/things": entry("more"), "./package.json": "./p" };
  write("package.json", JSON.stringify({ name: "things", version: "1.0.0", exports }));
  const declarations = {
    "index.d.ts":
      'import type { Thing } from "./thing.js";\nexport type { Thing };\nexport declare const one: Thing;',
    "more.d.ts": "export declare function more(): string;",
    "thing.d.ts": "export interface Thing { size: number }",
    ...also,
  };
  for (const [name, text] of Object.entries(declarations)) {
    write(`dist/${name}`, `${text}\n`);
  }
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { write, read, report: (...args: string[]) => run(folder, args) };
}

function run(folder: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, folder, ...args], {
    encoding: "utf8",
    timeout: 55_000,
    killSignal: "SIGKILL",
  });
  return { status, said: stdout + stderr };
}

test("what the entries of a package export is written down, and a change of it fails and is shown", () => {
  const { report, write, read } = packageOf();

  expect(report("--update")).toEqual({ status: 0, said: "" });
  expect(read("api/index.api.md")).toContain("size: number");
  expect(read("api/more-things.api.md")).toContain("export function more(): string;");

  write("dist/thing.d.ts", "export interface Thing { size: string }\n");
  write("api/gone.api.md", "");
  const { status, said } = report();
  expect(status).toBe(1);
  expect(said).toMatch(/^-.*size: number.*\n\+.*size: string/m);
  expect(said).toContain("index: exports something else than api/index.api.md says");
  expect(said).toContain("api/gone.api.md is of no entry");
  expect(said).not.toContain("more-things");
});

test("a type that is spoken of and not exported, what is @internal, and a class with private members that no entry exports are mistakes, also when the reports are written anew", () => {
  const { status, said } = packageOf({
    "index.d.ts": 'import type { Thing } from "./thing.js";\nexport declare const one: Thing;',
    "thing.d.ts":
      "export interface Thing {\n/** @internal */ _size: number }\nexport declare class Inner { #own; }",
  }).report("--update");

  expect(status).toBe(1);
  expect(said).toContain('ae-forgotten-export: The symbol "Thing"');
  expect(said).toContain("thing.d.ts: says @internal");
  expect(said).toContain("Inner is reached, but not exported");
});
