import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

// On a machine that is busy a measurement takes minutes.
jest.setTimeout(600_000);

/** Mebibytes in use, after so many messages of 1 MiB. */
interface Held {
  readonly held: number;
  readonly sent: number;
}

it("SLOW-4: two hundred readers that stop reading hold what their queues hold, however much is sent", async () => {
  const program = join(__dirname, "paused-readers.ts");
  const args = ["--expose-gc", "--import", "tsx", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { readers, full, fuller } = JSON.parse(stdout) as Record<string, Held> & {
    readers: number;
  };
  expect(readers).toBe(200);
  // Each has a full queue, a message that waits, and the same as an object of its sender.
  expect(full!.held).toBeLessThan(200 * 7);
  expect(fuller!.sent - full!.sent).toBeGreaterThan(1_000);
  expect(fuller!.held).toBeLessThan(200 * 7);
});
