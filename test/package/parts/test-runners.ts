import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { Part } from "../checks.js";
import type { Project } from "../project.js";
import type { World } from "../world.js";

const TEST = join(import.meta.dirname, "..", "consumers", "calls-a-tool.ts");

/** Where both runners write what came of it. */
const OUTCOME = "outcome.json";

/** What both runners write of a run when they are asked for JSON. */
interface Outcome {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numTotalTests: number;
}

/** The tests that a user has written, in Jest and in Vitest as they are installed. */
export function testRunners(jest: Project, vitest: Project, world: World): readonly Part[] {
  jest.write("router.test.js", testIn(ts.ModuleKind.CommonJS));
  vitest.write(
    "router.test.mjs",
    `import { expect, test } from "vitest";\n${testIn(ts.ModuleKind.ESNext)}`,
  );
  const run = (project: Project, program: string, args: readonly string[]): Part => ({
    name: project.name,
    prepare: () => project.install(),
    checks: [
      {
        name: `${project.name}: runs a user's tests without a configuration`,
        async run() {
          const entry = join(project.folder, "node_modules", program);
          await project.node([entry, ...args], runnerEnv(world));
          everyTestPassed(readFileSync(join(project.folder, OUTCOME), "utf8"));
        },
      },
    ],
  });
  return [
    run(jest, "jest/bin/jest.js", ["--json", `--outputFile=${OUTCOME}`]),
    run(vitest, "vitest/vitest.mjs", [
      ...["run", "--reporter=default", "--reporter=json", `--outputFile.json=${OUTCOME}`],
    ]),
  ];
}

/** What one program for both is in JavaScript. */
function testIn(module: ts.ModuleKind): string {
  const compilerOptions = { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  return ts.transpileModule(readFileSync(TEST, "utf8"), { compilerOptions }).outputText;
}

function runnerEnv({ env, headers }: World): Readonly<Record<string, string>> {
  return { ...env, NO_COLOR: "1", HEADERS: JSON.stringify(headers) };
}

/** Fails unless each of the four tests has run, and passed. */
function everyTestPassed(printed: string): void {
  const { success, numPassedTests, numTotalTests } = JSON.parse(printed) as Outcome;
  assert.deepEqual([success, numPassedTests, numTotalTests], [true, 4, 4], printed);
}
