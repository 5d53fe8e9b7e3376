import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

cleanUpAfterEach();

it("STOP-6: a process that has used everything and closed it ends by itself", async () => {
  const program = join(__dirname, "everything-then-nothing.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program], {
    cwd: join(__dirname, "../../.."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  onDispose(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  expect([output, code]).toEqual(["sessions: 0\n", 0]);
});
