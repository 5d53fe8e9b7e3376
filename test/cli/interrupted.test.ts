import { cleanUpAfterEach } from "../kit/clean-up.js";
import { runCommand } from "../kit/command-terminal.js";
import { handWired } from "../doctor/broken/upstreams.js";

cleanUpAfterEach();

it("CLI-15: a doctor that is interrupted ends its session, and says nothing", async () => {
  const interrupted = new AbortController();
  const begun: string[] = [];
  const ended: string[] = [];
  const { url } = await handWired((app) =>
    app.use((req, _res, next) => {
      const id = req.get("mcp-session-id");
      if (id !== undefined && req.method === "DELETE") ended.push(id);
      else if (id !== undefined && !ended.includes(id)) {
        begun.push(id);
        interrupted.abort();
      }
      next();
    }),
  );
  const args = ["doctor", `${url}/mcp`, "--quick"];
  const { status, out, err } = await runCommand(args, { interruption: interrupted.signal });
  expect({ status, out, err }).toEqual({ status: 130, out: "", err: "" });
  expect(begun).toHaveLength(1);
  expect(ended).toContain(begun[0]);
});
