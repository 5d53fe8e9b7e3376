import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { onDispose, cleanUpAfterEach } from "../kit/clean-up.js";

cleanUpAfterEach();

it.each([
  ["politely", "last"],
  ["at once", "closed"],
])(
  "RESUME-9: a process that resumes sessions and closes them %s ends by itself, with nothing open",
  async (how, last) => {
    const program = ["--import", "tsx", require.resolve("./exit-program.ts"), how];
    const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"] });
    onDispose(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(errors).toBe("");
    expect(out.trim().split("\n")).toEqual(["held 0, held 1", last, "[]"]);
    expect(await exited).toEqual([0, null]);
  },
);
