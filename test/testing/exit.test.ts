import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";

cleanUpAfterEach();

test("TESTING-2: a process ends though its issuer and a listener were forgotten", async () => {
  const program = ["--import", "tsx", require.resolve("./exit-program.ts")];
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"] });
  onDispose(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect([out, errors]).toEqual(["listening: true", ""]);
  expect(await exited).toEqual([0, null]);
});
