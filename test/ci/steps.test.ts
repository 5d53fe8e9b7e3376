import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningProcess } from "../package/processes.js";

const STEPS = join(__dirname, "../../.ci/steps.sh");

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ci-steps-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs lines as `.ci/run` has them; gives what is printed, and why it ended, if not with code 0. */
async function run(...lines: readonly string[]): Promise<{ printed: string; end?: string }> {
  const script = ["set -euo pipefail", `source ${STEPS}`, ...lines, "echo reached"].join("\n");
  const bash = new RunningProcess("bash", ["-c", script], { cwd: folder, timeoutMs: 30_000 });
  const end = await bash.ended;
  return { printed: bash.stdout, ...(end !== undefined && { end }) };
}

const PASSED = `echo "Tests:       3 passed, 3 total"`;

test("tests that pass are counted, and the run goes on", async () => {
  expect(await run(`tests 1 '${PASSED}'`, "counts")).toEqual({
    printed: "Tests:       3 passed, 3 total\nTests:       3 passed, 3 total\nreached\n",
  });
  expect(readFileSync(join(folder, "test-output.log"), "utf8")).toMatch(/3 passed/);
});

test.each([
  ["fails", `${PASSED}; false`],
  ["fails behind a pipe", `${PASSED}; false | cat`],
  ["fails before another that passes", `${PASSED}; false && true`],
  ["fails before another line", `false; ${PASSED}`],
  ["skips one", `echo "Tests:       1 skipped, 3 passed, 4 total"`],
  ["skips a suite", `${PASSED}; echo "Test Suites: 1 skipped, 2 passed, 2 of 3 total"`],
  ["has one still to be written", `echo "Tests:       1 todo, 3 passed, 4 total"`],
  ["says nothing of tests", "echo done"],
])("a command that %s ends the run", async (_what, command) => {
  const { printed, end } = await run(`tests 1 '${command}'`);
  expect(end).toBe("exit code 1");
  expect(printed).not.toMatch(/reached/);
});

test("a command that hangs is ended with what it began, and so is the run", async () => {
  const { printed, end } = await run("within 0.01 'sleep 60 | cat'");
  expect(end).toBe("exit code 124");
  expect(printed).not.toMatch(/reached/);
});

test("colours hide no skipped test, whatever the environment asks for", async () => {
  const { printed } = await run("export FORCE_COLOR=1", `source ${STEPS}`, "env");
  expect(printed).not.toMatch(/FORCE_COLOR/);
});

describe("commands beside each other", () => {
  test("run at the same time, and show what they print one after the other", async () => {
    // Each waits for what the other makes.
    const waits = (own: string, other: string): string =>
      `'touch ${own}; until [ -e ${other} ]; do sleep 0.05; done; echo ${own}'`;
    expect(await run(`together 1 ${waits("a", "b")} ${waits("b", "a")}`)).toEqual({
      printed: "a\nb\nreached\n",
    });
  });

  test.each([
    ["the first", "'echo a; exit 3' 'echo b'", "a\nb\n"],
    ["the last", "'echo a' 'echo b; exit 3'", "a\nb\n"],
    ["one in the middle", "'echo a' 'false | cat' 'echo c'", "a\nc\n"],
    ["a first command of one", "'false && true' 'echo b'", "b\n"],
  ])("end the run if %s fails, when all have ended", async (_which, commands, printed) => {
    const result = await run(`together 1 ${commands}`);
    expect(result.printed).toBe(printed);
    expect(result.end).toMatch(/exit code/);
  });

  test("are ended when they hang", async () => {
    const { printed, end } = await run("together 0.01 'echo a' 'sleep 60'");
    expect(printed).toBe("a\nended after 0.01 minutes: sleep 60\n");
    expect(end).toBe("exit code 124");
  });
});
