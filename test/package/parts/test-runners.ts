import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { Part } from "../checks.js";
import { CONSUMERS } from "../project.js";
import type { Project } from "../project.js";
import type { World } from "../world.js";

/** Tests of users: by what everybody has, and by what the package has for them. */
const TESTS = ["calls-a-tool", "tests-an-app"] as const;

/** How many tests are in both. */
const COUNT = 7;

/** Where both runners write what came of it. */
const OUTCOME = "outcome.json";

/** What both runners write of a run when they are asked for JSON. */
interface Outcome {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numTotalTests: number;
}

/** The tests that a user has written, in Jest and in Vitest as they are installed, and in Node's own runner. */
export function testRunners(
  { jest, vitest, node }: Readonly<Record<"jest" | "vitest" | "node", Project>>,
  world: World,
): readonly Part[] {
  const forVitest = 'import { expect, test } from "vitest";';
  for (const name of TESTS) {
    jest.write(`${name}.test.js`, testIn(name, ts.ModuleKind.CommonJS));
    vitest.write(`${name}.test.mjs`, `${forVitest}\n${testIn(name, ts.ModuleKind.ESNext)}`);
  }
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
    nodeRunner(node),
  ];
}

/** The test of an app in Node's own runner, in either form of module. */
function nodeRunner(project: Project): Part {
  const forms = [
    ["tests-an-app.test.mjs", ts.ModuleKind.ESNext, 'import { test } from "node:test";'],
    ["tests-an-app.test.cjs", ts.ModuleKind.CommonJS, 'const { test } = require("node:test");'],
  ] as const;
  return {
    name: "node:test",
    prepare: () => project.install(),
    checks: forms.map(([file, module, first]) => ({
      name: `node:test: runs ${file}, and ends`,
      async run() {
        project.write(file, `${first}\n${testIn("tests-an-app", module)}`);
        const printed = await project.node(["--test", "--test-reporter=tap", file]);
        assert.match(printed, /^# pass 3$/m, printed);
      },
    })),
  };
}

/** What one program for all is in JavaScript. */
function testIn(name: (typeof TESTS)[number], module: ts.ModuleKind): string {
  const text = readFileSync(join(CONSUMERS, `${name}.ts`), "utf8");
  const compilerOptions = { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

function runnerEnv({ env, headers }: World): Readonly<Record<string, string>> {
  return { ...env, NO_COLOR: "1", HEADERS: JSON.stringify(headers) };
}

/** Fails unless each test has run, and passed. */
function everyTestPassed(printed: string): void {
  const { success, numPassedTests, numTotalTests } = JSON.parse(printed) as Outcome;
  assert.deepEqual([success, numPassedTests, numTotalTests], [true, COUNT, COUNT], printed);
}
