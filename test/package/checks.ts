import { inspect } from "node:util";

/** Something that must hold; it fails by throwing. */
export interface Check {
  /** A sentence that names the project. */
  readonly name: string;
  /** What it returns is waited for. */
  readonly run: () => unknown;
}

/** Checks that need the same thing to be there first. */
export interface Part {
  readonly name: string;
  /** Where this fails, all checks of the part have failed. */
  readonly prepare: () => Promise<unknown>;
  /** Known before anything runs, so that none can be left out without being counted. */
  readonly checks: readonly Check[];
}

/** How many passed and failed. */
export interface Count {
  passed: number;
  failed: number;
}

/** Runs every check of all parts, `slots` at a time, and prints one line for each. */
export async function runAll(parts: readonly Part[], slots: number): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 };
  const inTurn = createTurns(slots);
  await Promise.all(
    parts.map(async ({ name, prepare, checks }) => {
      const obstacle = await inTurn(async () => {
        const start = performance.now();
        const failure = await failureOf(prepare);
        report(`${name} is ready`, performance.now() - start, failure, "--  ");
        return failure;
      });
      const runOne = async (check: Check): Promise<void> => {
        const start = performance.now();
        const failure = obstacle ? `${name} is not ready` : await failureOf(check.run);
        report(check.name, performance.now() - start, failure);
        count[failure === undefined ? "passed" : "failed"]++;
      };
      await Promise.all(checks.map((check) => inTurn(() => runOne(check))));
    }),
  );
  return count;
}

/** Lets `slots` tasks run at a time, in the order in which they came. */
function createTurns(slots: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = slots;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** What a failure says; nothing if there is none. */
async function failureOf(run: () => unknown): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : inspect(error);
  }
}

function report(name: string, ms: number, failure: string | undefined, mark = "ok  "): void {
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (failure === undefined) console.log(`${mark}  ${name}, ${seconds}`);
  else console.log(`FAIL  ${name}, ${seconds}\n${indented(failure)}`);
}

function indented(text: string): string {
  return text.replace(/^/gm, "      ");
}
