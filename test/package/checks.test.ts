import { runAll } from "./checks.js";
import type { Check, Part } from "./checks.js";

/** What is printed while this runs. */
async function printedBy(parts: readonly Part[]): Promise<{ lines: string[]; count: object }> {
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  const count = await runAll(parts, 2);
  const lines = log.mock.calls.map(([line]) => String(line).replace(/\d+\.\d s/, "… s"));
  log.mockRestore();
  return { lines, count };
}

const good: Check = { name: "good", run: () => undefined };
const bad: Check = { name: "bad", run: () => Promise.reject(new Error("two\nlines")) };

test("every check is run and counted, and a failure shows why", async () => {
  const prepare = async (): Promise<void> => undefined;
  const { lines, count } = await printedBy([{ name: "a part", prepare, checks: [good, bad] }]);
  expect(lines).toEqual([
    "--    a part is ready, … s",
    "ok    good, … s",
    "FAIL  bad, … s\n      two\n      lines",
  ]);
  expect(count).toEqual({ passed: 1, failed: 1 });
});

test("when a part cannot be prepared, its checks have failed, and the others run", async () => {
  const prepare = (): Promise<void> => Promise.reject(new Error("no network"));
  const { lines, count } = await printedBy([
    { name: "offline", prepare, checks: [good, good] },
    { name: "online", prepare: async () => undefined, checks: [good] },
  ]);
  expect(lines).toContain("FAIL  offline is ready, … s\n      no network");
  expect(lines).toContain("FAIL  good, … s\n      offline is not ready");
  expect(count).toEqual({ passed: 1, failed: 2 });
});

test("no more run at a time than there are slots", async () => {
  let now = 0;
  let most = 0;
  const run = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
  };
  const checks = Array.from({ length: 6 }, (_, index) => ({ name: `${index}`, run }));
  await printedBy([{ name: "busy", prepare: async () => undefined, checks }]);
  expect(most).toBe(2);
});
